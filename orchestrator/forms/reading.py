"""Named values of a page that was laid on its blank form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from meshkit.geometry import Points
from meshkit.model import Image
from orchestrator.forms.alignment import Alignment
from orchestrator.forms.blank import BlankPage
from orchestrator.forms.commas import is_doubtful, with_commas
from orchestrator.forms.definition import FieldDefinition, FormDefinition, ValueType
from orchestrator.forms.frame import Rect
from orchestrator.forms.marks import (
    Ink,
    Mark,
    checkbox_marks,
    judged_by_ink,
    mark_at,
    signature_marks,
)
from orchestrator.forms.overlay import Overlay
from orchestrator.forms.placing import place_words
from orchestrator.forms.sheet import Sheet, make_sheet, upright_strip
from orchestrator.forms.values import Parsed, is_ambiguous, parse_value
from orchestrator.forms.words import PageWord
from orchestrator.forms.writing import Writing, read_writing
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.common.v1.geometry_pb2 import Point, Quad
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_KIND_CHECKBOX,
    FIELD_KIND_SIGNATURE,
    FIELD_KIND_TEXT,
    FIELD_REASON_EMPTY,
    FIELD_REASON_ILLEGIBLE,
    FIELD_REASON_MISSING_REQUIRED,
    FIELD_REASON_NOT_FOUND,
    FIELD_REASON_NOT_LOOKED_FOR,
    FIELD_REASON_SEVERAL_TICKED,
    FIELD_REASON_UNSPECIFIED,
    Field,
    FieldType,
)
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult

_INK_OF_SIGNATURE = 0.015
_INK_OF_WRITING = 6.0
"""Square points. On filled forms, places left empty had at most 1.5, a single letter 17 or more."""
_NO_INK = 1.8
_FEW_LETTERS, _UNSURE = 3, 0.5
"""Of so few letters, or of those that are so unsure, lines of the form may be the origin."""
_SURE_OF_EMPTY = 0.97
_BELOW_POINTS = 1.5
"""Commas hang below the box of their word."""
_SURE = 0.9
"""A writing whose least sure word is less sure is read a second time."""
_WRONG, _DOUBTFUL = 0.3, 0.6
"""What a value keeps of its confidence when it is not of its type, or breaks a rule."""
_NUMBERS = (ValueType.NUMBER, ValueType.MONEY)
_KINDS = {
    ValueType.CHECKBOX: FIELD_KIND_CHECKBOX,
    ValueType.SIGNATURE: FIELD_KIND_SIGNATURE,
}


@dataclass(frozen=True)
class PageFindings:
    """What the models found on a page.

    Attributes:
        words: its words.
        checkbox, signature: None when nobody looked.
        image: its pixels.
    """

    words: Sequence[PageWord]
    checkbox: CheckboxResult | None
    signature: SignatureResult | None
    image: Image


@dataclass(frozen=True)
class _Found:
    """A field's value, on the blank page."""

    value: str
    confidence: float
    raw: str = ""
    reason: int = FIELD_REASON_UNSPECIFIED
    box: Rect | None = None
    mark: Mark | None = None


class FormReader:
    """Reads the fields of one page.

    Args:
        form: the definition.
        blank: the page of the blank form that the page is.
        alignment: of the page on it.
        page: what the models found.
    """

    def __init__(
        self, form: FormDefinition, blank: BlankPage, alignment: Alignment, page: PageFindings
    ) -> None:
        self._form = form
        self._blank = blank
        self._alignment = alignment
        self._page = page
        self._overlay = Overlay(page.image, blank, alignment)
        self._ink = Ink(self._overlay)
        self._boxes = checkbox_marks(page.checkbox, alignment)
        self._signatures = signature_marks(page.signature, alignment)
        self._fields = [field for field in form.fields if field.page == blank.number]

    def fields(self, again: Mapping[str, Writing] | None = None) -> list[Field]:
        """Every field that the definition has on this page of the blank, in its order.

        Args:
            again: what a second reading found in some of them.
        """
        second = again or {}
        found = [self._read(field, second.get(field.name)) for field in self._fields]
        return [self._message(*pair) for pair in zip(self._fields, found, strict=True)]

    def doubtful(self) -> list[FieldDefinition]:
        """Fields that a second reading may better: written in, and not surely read."""
        return [
            field
            for field in self._fields
            if field.name in self._writings and self._is_doubtful(field)
        ]

    def sheet(self, fields: Sequence[FieldDefinition]) -> Sheet | None:
        """These fields, laid out for a second reading; None when they cannot be."""
        return make_sheet(fields, self._overlay)

    def _is_doubtful(self, field: FieldDefinition) -> bool:
        if field.rect is None or not self._is_on_page(field.rect):
            return False
        writing = self._writings[field.name]
        if not writing.text:
            return self._ink.area(field.rect) >= _INK_OF_WRITING
        return writing.confidence < _SURE or not self._is_in_order(field, writing)

    def _is_in_order(self, field: FieldDefinition, writing: Writing) -> bool:
        """Whether nothing but the words themselves could be wrong."""
        if writing.is_cut or (field.cells and len(writing.text) != field.cells):
            return False
        if is_ambiguous(writing.text, field, self._form):
            return False
        return parse_value(writing.text, field, self._form).reason == FIELD_REASON_UNSPECIFIED

    @cached_property
    def _writings(self) -> Mapping[str, Writing]:
        """What stands in every place for writing."""
        zones = {
            field.name: field.rect
            for field in self._fields
            if field.rect is not None
            and field.type not in (ValueType.CHECKBOX, ValueType.SIGNATURE)
        }
        words = place_words(self._page.words, self._alignment, self._blank.words, zones)
        read = {
            field.name: read_writing(words.get(field.name, ()), field)
            for field in self._fields
            if field.name in zones
        }
        return self._with_commas(
            {
                name: Writing("") if self._is_print(writing, zones[name]) else writing
                for name, writing in read.items()
            }
        )

    def _with_commas(self, writings: Mapping[str, Writing]) -> dict[str, Writing]:
        """With commas for those points of the page's numbers that are commas on paper."""
        texts = {
            field.name: writings[field.name].text
            for field in self._fields
            if field.type in _NUMBERS and field.name in writings and self._form.decimal != ","
        }
        strips = {
            name: self._strip_of(box)
            for name, text in texts.items()
            if is_doubtful(text) and (box := writings[name].box) is not None
        }
        changed = with_commas(texts, strips)
        return {
            name: replace(writing, text=changed.get(name, writing.text))
            for name, writing in writings.items()
        }

    def _strip_of(self, box: Rect) -> Image:
        below = replace(box, bottom=box.bottom + _BELOW_POINTS)
        return upright_strip(self._overlay, below)

    def _is_print(self, writing: Writing, zone: Rect) -> bool:
        """Whether a reader made letters of the form's own lines: the place has no other ink."""
        is_likely = len(writing.text) <= _FEW_LETTERS or writing.confidence < _UNSURE
        return bool(writing.text) and is_likely and self._ink.area(zone) < _NO_INK

    def _read(self, field: FieldDefinition, again: Writing | None) -> _Found:
        zone = field.rect
        places = [zone] if zone is not None else [option.rect for option in field.options]
        if not all(place is not None and self._is_on_page(place) for place in places):
            return _Found("", _SURE_OF_EMPTY, reason=FIELD_REASON_NOT_FOUND)
        if field.type is ValueType.CHECKBOX and zone is not None:
            return self._checkbox(zone)
        if field.type is ValueType.SIGNATURE and zone is not None:
            return self._signature(field, zone)
        if field.name in self._writings and zone is not None:
            readings = [self._writings[field.name], *([again] if again else [])]
            return self._writing(field, zone, readings)
        return self._choice(field)

    def _checkbox(self, zone: Rect) -> _Found:
        mark = self._tick(zone)
        if mark is None:
            return _Found("", 0.0, reason=FIELD_REASON_NOT_LOOKED_FOR)
        return _Found("true" if mark.is_set else "false", mark.score, box=mark.box, mark=mark)

    def _tick(self, zone: Rect) -> Mark | None:
        """The box at a place, as its model and its ink have it; None when nobody looked."""
        if self._boxes is None:
            return None
        return judged_by_ink(mark_at(self._boxes, zone), zone, self._ink.share(zone))

    def _choice(self, field: FieldDefinition) -> _Found:
        marks = [
            (option.value, mark)
            for option in field.options
            if option.rect is not None and (mark := self._tick(option.rect)) is not None
        ]
        if not marks:
            return _Found("", 0.0, reason=FIELD_REASON_NOT_LOOKED_FOR)
        ticked = [(value, mark) for value, mark in marks if mark.is_set]
        confidence = float(np.prod([mark.score for _, mark in marks]))
        if len(ticked) == 1:
            value, mark = ticked[0]
            return _Found(value, confidence, raw=value, box=mark.box)
        if ticked:
            raw = ", ".join(value for value, _ in ticked)
            return _Found("", confidence, raw=raw, reason=FIELD_REASON_SEVERAL_TICKED)
        reason = FIELD_REASON_MISSING_REQUIRED if field.required else FIELD_REASON_EMPTY
        return _Found("", confidence, reason=reason)

    def _signature(self, field: FieldDefinition, zone: Rect) -> _Found:
        if self._signatures is None:
            return _Found("", 0.0, reason=FIELD_REASON_NOT_LOOKED_FOR)
        near = zone.grown(4.0, max(4.0, 0.6 * zone.height))
        marks = [
            mark
            for mark in self._signatures
            if near.shared_area(mark.box) > 0.4 * mark.box.width * mark.box.height
        ]
        best = max(marks, key=lambda mark: mark.score, default=None)
        if best is not None:
            return _Found("true", best.score, box=best.box, mark=best)
        if self._ink.share(zone) >= _INK_OF_SIGNATURE:
            return _Found("true", _DOUBTFUL, box=zone)
        reason = FIELD_REASON_MISSING_REQUIRED if field.required else FIELD_REASON_EMPTY
        return _Found("false", _SURE_OF_EMPTY, reason=reason)

    def _writing(self, field: FieldDefinition, zone: Rect, readings: Sequence[Writing]) -> _Found:
        """The best of one or two readings: one that is in order, then the surer one."""
        parsed = [(parse_value(w.text, field, self._form), w) for w in readings if w.text]
        if not parsed:
            if self._ink.area(zone) >= _INK_OF_WRITING:
                return _Found("", _DOUBTFUL, reason=FIELD_REASON_ILLEGIBLE, box=zone)
            return _Found("", _SURE_OF_EMPTY, reason=parse_value("", field, self._form).reason)

        def merit(item: tuple[Parsed, Writing]) -> tuple[bool, bool, bool, float]:
            value, writing = item
            is_fine = value.reason == FIELD_REASON_UNSPECIFIED
            in_order = self._is_in_order(field, writing)
            return in_order, is_fine, bool(value.value), writing.confidence

        best, writing = max(parsed, key=merit)
        confidence = writing.confidence
        if len(parsed) > 1 and len({value.value for value, _ in parsed}) == 1:
            confidence = 1 - float(np.prod([1 - other.confidence for _, other in parsed]))
        if best.reason != FIELD_REASON_UNSPECIFIED:
            confidence *= _DOUBTFUL if best.value else _WRONG
        return _Found(best.value, confidence, writing.text, best.reason, writing.box)

    def _is_on_page(self, zone: Rect) -> bool:
        """Whether the middle of a place is on the page at all."""
        ((x, y),) = self._alignment.to_page(np.array([zone.centre]))
        height, width = self._page.image.shape[:2]
        return bool(0 <= x < width and 0 <= y < height)

    def _message(self, field: FieldDefinition, found: _Found) -> Field:
        place = found.box or field.rect
        index = found.mark.index if found.mark else None
        return Field(
            name=field.name,
            kind=_KINDS.get(field.type, FIELD_KIND_TEXT),
            value=found.value,
            confidence=min(max(found.confidence, 0.0), 1.0),
            quad=None if place is None else _quad(self._alignment.to_page(place.corners)),
            type=FieldType.Value(f"FIELD_TYPE_{field.type.upper()}"),
            raw_text=found.raw,
            reason=found.reason,  # type: ignore[arg-type]
            form=self._form.name,
            label=field.label,
            checkbox_index=index if field.type is ValueType.CHECKBOX else None,
            signature_index=index if field.type is ValueType.SIGNATURE else None,
        )


def _quad(corners: Points) -> Quad:
    points = [Point(x=float(x), y=float(y)) for x, y in corners]
    return Quad(
        top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
    )

"""Named values of a page that was laid on its blank form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meshkit.geometry import Points
from meshkit.model import Image
from orchestrator.forms.alignment import Alignment
from orchestrator.forms.blank import BlankPage
from orchestrator.forms.definition import FieldDefinition, FormDefinition, ValueType
from orchestrator.forms.frame import Rect
from orchestrator.forms.marks import Ink, Mark, checkbox_marks, mark_at, signature_marks
from orchestrator.forms.placing import place_words
from orchestrator.forms.values import parse_value
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

_INK_OF_TICK = 0.12
_INK_OF_SIGNATURE = 0.015
_INK_OF_WRITING = 0.03
_SURE_OF_EMPTY = 0.97
_SURE_OF_INK = 0.75
_WRONG, _DOUBTFUL = 0.3, 0.6
"""What a value keeps of its confidence when it is not of its type, or breaks a rule."""
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


def read_fields(
    form: FormDefinition, blank: BlankPage, alignment: Alignment, page: PageFindings
) -> list[Field]:
    """Every field that the definition has on this page of the blank, in its order."""
    return _Reader(form, blank, alignment, page).fields()


class _Reader:
    def __init__(
        self, form: FormDefinition, blank: BlankPage, alignment: Alignment, page: PageFindings
    ) -> None:
        self._form = form
        self._blank = blank
        self._alignment = alignment
        self._page = page
        self._ink = Ink(page.image, blank, alignment)
        self._boxes = checkbox_marks(page.checkbox, alignment)
        self._signatures = signature_marks(page.signature, alignment)
        self._fields = [field for field in form.fields if field.page == blank.number]

    def fields(self) -> list[Field]:
        writings = self._writings()
        return [self._message(field, self._read(field, writings)) for field in self._fields]

    def _writings(self) -> Mapping[str, Writing]:
        """What stands in every place for writing."""
        zones = {
            field.name: field.rect
            for field in self._fields
            if field.rect is not None
            and field.type not in (ValueType.CHECKBOX, ValueType.SIGNATURE)
        }
        words = place_words(self._page.words, self._alignment, self._blank.words, zones)
        return {
            field.name: read_writing(words.get(field.name, ()), field)
            for field in self._fields
            if field.name in zones
        }

    def _read(self, field: FieldDefinition, writings: Mapping[str, Writing]) -> _Found:
        zone = field.rect
        places = [zone] if zone is not None else [option.rect for option in field.options]
        if not all(place is not None and self._is_on_page(place) for place in places):
            return _Found("", _SURE_OF_EMPTY, reason=FIELD_REASON_NOT_FOUND)
        if field.type is ValueType.CHECKBOX and zone is not None:
            return self._checkbox(zone)
        if field.type is ValueType.SIGNATURE and zone is not None:
            return self._signature(field, zone)
        if field.name in writings and zone is not None:
            return self._writing(field, zone, writings[field.name])
        return self._choice(field)

    def _checkbox(self, zone: Rect) -> _Found:
        mark = self._tick(zone)
        if mark is None:
            return _Found("", 0.0, reason=FIELD_REASON_NOT_LOOKED_FOR)
        return _Found("true" if mark.is_set else "false", mark.score, box=mark.box)

    def _tick(self, zone: Rect) -> Mark | None:
        """The box at a place; one that no model found is judged by its ink."""
        if self._boxes is None:
            return None
        found = mark_at(self._boxes, zone)
        if found is not None:
            return found
        share = self._ink.share(zone)
        return Mark(zone, share >= _INK_OF_TICK, _SURE_OF_INK)

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
            return _Found("true", best.score, box=best.box)
        if self._ink.share(zone) >= _INK_OF_SIGNATURE:
            return _Found("true", _DOUBTFUL, box=zone)
        reason = FIELD_REASON_MISSING_REQUIRED if field.required else FIELD_REASON_EMPTY
        return _Found("false", _SURE_OF_EMPTY, reason=reason)

    def _writing(self, field: FieldDefinition, zone: Rect, writing: Writing) -> _Found:
        if not writing.text and self._ink.share(zone) >= _INK_OF_WRITING:
            return _Found("", _DOUBTFUL, reason=FIELD_REASON_ILLEGIBLE, box=zone)
        parsed = parse_value(writing.text, field, self._form)
        confidence = writing.confidence if writing.text else _SURE_OF_EMPTY
        if writing.text and parsed.reason != FIELD_REASON_UNSPECIFIED:
            confidence *= _DOUBTFUL if parsed.value else _WRONG
        return _Found(parsed.value, confidence, writing.text, parsed.reason, writing.box)

    def _is_on_page(self, zone: Rect) -> bool:
        """Whether the middle of a place is on the page at all."""
        ((x, y),) = self._alignment.to_page(np.array([zone.centre]))
        height, width = self._page.image.shape[:2]
        return bool(0 <= x < width and 0 <= y < height)

    def _message(self, field: FieldDefinition, found: _Found) -> Field:
        place = found.box or field.rect
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
        )


def _quad(corners: Points) -> Quad:
    points = [Point(x=float(x), y=float(y)) for x, y in corners]
    return Quad(
        top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
    )

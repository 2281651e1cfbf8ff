"""Finds named values by the page's layout: boxes with their options, places to sign, texts.

All of it works on the upright page, with lengths in heights of the text at hand. Confidences are
products of what the models say and of how often the rule that applied was right; how often that is
stands beside each rule, with the command that measures it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from meshkit.geometry import Transform
from meshkit.model import Image
from orchestrator.reading.checkboxes import read_boxes
from orchestrator.reading.key_values import KeyValue, find_key_values
from orchestrator.reading.labels import LABEL_WORDS
from orchestrator.reading.layout import Box, Phrase, Token, Upright, read_tokens, upright_words
from orchestrator.reading.rules import Rules, find_rules
from orchestrator.reading.segments import NO_RULES, clear_of, text_height
from orchestrator.reading.signatures import SignaturePlace, signature_places
from pagemesh.checkbox.v1.checkbox_service_pb2 import Checkbox, CheckboxResult
from pagemesh.common.v1.geometry_pb2 import UprightTransform
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_KIND_CHECKBOX,
    FIELD_KIND_SIGNATURE,
    FIELD_KIND_TEXT,
    FIELD_REASON_EMPTY,
    FIELD_TYPE_CHECKBOX,
    FIELD_TYPE_SIGNATURE,
    Field,
)
from pagemesh.signature.v1.signature_service_pb2 import Signature, SignatureResult

UNNAMED_SIGNATURE = "signature"
"""Name of a signature that is near no printed label."""
_LABEL_EDGE = " :_[]|"
_RIGHT_LABEL, _DOUBTFUL_LABEL, _CLEAR_MARGIN = 0.95, 0.7, 0.5
_RULED, _UNRULED, _UNNAMED = 0.9, 0.6, 0.8


@dataclass(frozen=True)
class PageEvidence:
    """What the models say about a page.

    Attributes:
        ocr: its text.
        checkbox, signature: its boxes and signatures; None when nobody looked for them: then
            nothing is said about them.
        transform: sets the page upright; None for a page that is.
        image: the page as sent, for its printed lines; None when it is not at hand.
    """

    ocr: OcrResult
    checkbox: CheckboxResult | None = None
    signature: SignatureResult | None = None
    transform: UprightTransform | None = None
    image: Image | None = None


def find_fields(evidence: PageEvidence, label_words: Collection[str] = LABEL_WORDS) -> list[Field]:
    """The fields of a page, from top to bottom and left to right.

    Args:
        evidence: of the page.
        label_words: words, in lower case, that make a short text without a colon a caption.
    """
    upright = Upright(evidence.transform)
    tokens = upright_words(read_tokens(evidence.ocr, upright))
    rules = _rules(evidence, tokens)
    found: list[_Found] = []
    if evidence.checkbox is not None:
        checkboxes = evidence.checkbox.checkboxes
        boxes = upright.boxes([one.quad for one in checkboxes])
        tokens = clear_of(tokens, boxes)
        found += _boxes(checkboxes, boxes, tokens, rules)
    if evidence.signature is not None:
        signatures = evidence.signature.signatures
        boxes = upright.boxes([one.quad for one in signatures])
        tokens = [t for t in tokens if not any(box.contains_centre(t.box) for box in boxes)]
        places = signature_places(boxes, tokens, rules)
        found += [_signature(signatures, boxes, place) for place in places]
    used = {id(token) for one in found for phrase in one.phrases for token in phrase.tokens}
    rest = [token for token in tokens if id(token) not in used]
    found += map(_text, find_key_values(rest, frozenset(label_words), rules))
    found.sort(key=lambda one: (one.place.top, one.place.left))
    return [one.message(upright) for one in found]


@dataclass(frozen=True)
class _Found:
    """A field with its geometry on the upright page; without a box nothing shows its place."""

    field: Field
    label: Phrase | None
    box: Box | None
    group: Phrase | None = None

    @property
    def phrases(self) -> list[Phrase]:
        return [phrase for phrase in (self.label, self.group) if phrase is not None]

    @property
    def place(self) -> Box:
        box = self.label.box if self.label else self.box
        if box is None:
            raise ValueError("a field has a label or a value")
        return box

    def message(self, upright: Upright) -> Field:
        if self.box is not None:
            self.field.quad.CopyFrom(upright.quad(self.box))
        if self.label is not None:
            self.field.label_quad.CopyFrom(upright.quad(self.label.box))
        if self.group is not None:
            self.field.group_quad.CopyFrom(upright.quad(self.group.box))
        self.field.confidence = min(max(self.field.confidence, 0.0), 1.0)
        return self.field


def _rules(evidence: PageEvidence, tokens: Sequence[Token]) -> Rules:
    if evidence.image is None or not tokens:
        return NO_RULES
    height, width = evidence.image.shape[:2]
    transform = Upright(evidence.transform).transform or Transform.identity(width, height)
    return find_rules(evidence.image, transform, text_height(tokens))


def _boxes(
    checkboxes: Sequence[Checkbox], boxes: Sequence[Box], tokens: Sequence[Token], rules: Rules
) -> Iterator[_Found]:
    texts = read_boxes(boxes, tokens, rules)
    for index, (checkbox, box, text) in enumerate(zip(checkboxes, boxes, texts, strict=True)):
        sureness = checkbox.checked_score if checkbox.checked else 1 - checkbox.checked_score
        sureness *= checkbox.score
        if text.label is not None:
            is_clear = text.margin >= _CLEAR_MARGIN
            sureness *= text.label.confidence * (_RIGHT_LABEL if is_clear else _DOUBTFUL_LABEL)
        field = Field(
            name=_name(text.label),
            kind=FIELD_KIND_CHECKBOX,
            type=FIELD_TYPE_CHECKBOX,
            value="true" if checkbox.checked else "false",
            confidence=sureness,
            group=_name(text.question),
            checkbox_index=index,
        )
        yield _Found(field, text.label, box, text.question)


def _signature(
    signatures: Sequence[Signature], boxes: Sequence[Box], place: SignaturePlace
) -> _Found:
    field = Field(
        name=_name(place.label) or UNNAMED_SIGNATURE,
        kind=FIELD_KIND_SIGNATURE,
        type=FIELD_TYPE_SIGNATURE,
        value="false" if place.signature is None else "true",
        confidence=_RULED if place.has_rule else _UNRULED if place.label else _UNNAMED,
    )
    if place.label is not None:
        field.confidence *= place.label.confidence
    if place.signature is None:
        field.reason = FIELD_REASON_EMPTY
        return _Found(field, place.label, place.place)
    field.signature_index = place.signature
    field.confidence *= signatures[place.signature].score
    return _Found(field, place.label, boxes[place.signature])


def _text(pair: KeyValue) -> _Found:
    field = Field(name=_name(pair.label), kind=FIELD_KIND_TEXT, confidence=pair.confidence)
    if pair.value is None:
        field.reason = FIELD_REASON_EMPTY
        return _Found(field, pair.label, None)
    field.value = field.raw_text = pair.value.text
    return _Found(field, pair.label, pair.value.box)


def _name(label: Phrase | None) -> str:
    return label.text.strip(_LABEL_EDGE) if label is not None else ""

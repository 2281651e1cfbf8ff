"""Finds named values by the page's layout.

Three rules, all on the upright page, lengths measured in heights of the text at hand:

- Text: words up to a colon are a label. A short caption without one is a label when it is numbered
  (`3. Place of birth`) or has a word that captions have (`Last name`). The value of a label with a
  colon is what follows on its line, else what stands next to its right, else what stands directly
  below; forms put captions into the cell that is filled in, so for a caption below comes first. A
  label with a colon and no value is an empty field, or a heading when prose stands below.
  A caption without a value is no field.
- Checkbox: the words right of a box up to the next box or hole are its option; without any, those
  left of it.
- Signature: a short text that speaks of a signature is a label for the nearest signature around it.

Confidences are products of what the models say and of a factor for how telling the layout is; the
factors are estimates, not measured frequencies.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.layout import (
    Box,
    Phrase,
    Token,
    Upright,
    is_wordlike,
    phrases,
    read_tokens,
)
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.common.v1.geometry_pb2 import UprightTransform
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_KIND_CHECKBOX,
    FIELD_KIND_SIGNATURE,
    FIELD_KIND_TEXT,
    Field,
)
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult

_SIGNATURE_LABEL = re.compile(r"\b(signature|sign here|signed|unterschrift)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"\(?\d{1,2}[a-z]?[.)]\s*[A-Za-z]")
_LONGEST_LABEL = 8
_LONGEST_CAPTION = 6
_LONGEST_ANSWER = 8
# fmt: off
LABEL_WORDS: tuple[str, ...] = (
    "name", "initial", "m.i.", "address", "street", "apt", "apartment", "city", "town", "state",
    "county", "country", "zip", "code", "postcode", "date", "birth", "sex", "gender", "telephone",
    "phone", "number", "no.", "email", "e-mail", "title", "occupation", "employer", "ssn",
    "nationality", "citizenship", "status", "relationship",
)
# fmt: on
"""Words that captions of English forms have."""

_LONGEST_SIGNATURE_LABEL = 6

_HOLE = 1.5
_REACH_RIGHT = 15.0
_REACH_BESIDE_CAPTION = 4.0
_REACH_BELOW = 1.5
_REACH_OPTION = 2.5
_REACH_SIGNATURE = 4.0

_INLINE, _RIGHT, _BELOW = 1.0, 0.9, 0.6
_BELOW_CAPTION, _BESIDE_CAPTION = 0.9, 0.5
_EMPTY, _WITHOUT_COLON = 0.5, 0.8


def find_fields(
    ocr: OcrResult,
    checkbox: CheckboxResult | None,
    signature: SignatureResult | None,
    transform: UprightTransform | None,
    label_words: Collection[str] = LABEL_WORDS,
) -> list[Field]:
    """The fields of a page, from top to bottom and left to right.

    Args:
        ocr: the page's text.
        checkbox, signature: the page's boxes and signatures; None when nobody looked for them:
            then nothing is said about them.
        transform: sets the page upright; None for a page that is.
        label_words: words, in lower case, that make a short text without a colon a caption.
    """
    upright = Upright(transform)
    tokens = [token for token in read_tokens(ocr, upright) if is_wordlike(token.text)]
    found: list[_Found] = []
    if checkbox is not None:
        boxes = upright.boxes([box.quad for box in checkbox.checkboxes])
        tokens = _outside(tokens, boxes)
        found += _options(checkbox, boxes, tokens)
    if signature is not None:
        boxes = upright.boxes([one.quad for one in signature.signatures])
        tokens = _outside(tokens, boxes)
        found += _signatures(signature, boxes, tokens)
    used = {id(token) for field in found if field.label for token in field.label.tokens}
    rest = [token for token in tokens if id(token) not in used]
    found += _texts(rest, frozenset(label_words))
    found.sort(key=lambda field: (field.place.top, field.place.left))
    return [field.message(upright) for field in found]


@dataclass(frozen=True)
class _Found:
    """A field on the upright page; without a value box the place was left empty."""

    kind: int
    name: str
    value: str
    confidence: float
    label: Phrase | None
    box: Box | None

    @property
    def place(self) -> Box:
        box = self.label.box if self.label else self.box
        if box is None:
            raise ValueError("a field has a label or a value")
        return box

    def message(self, upright: Upright) -> Field:
        return Field(
            name=self.name,
            kind=self.kind,  # type: ignore[arg-type]
            value=self.value,
            confidence=min(max(self.confidence, 0.0), 1.0),
            quad=upright.quad(self.box) if self.box else None,
            label_quad=upright.quad(self.label.box) if self.label else None,
        )


def _outside(tokens: Sequence[Token], boxes: Sequence[Box]) -> list[Token]:
    """Words that are not a tick or a signature read as text."""
    return [t for t in tokens if not any(box.contains_centre(t.box) for box in boxes)]


def _options(
    result: CheckboxResult, boxes: Sequence[Box], tokens: Sequence[Token]
) -> Iterator[_Found]:
    for checkbox, box in zip(result.checkboxes, boxes, strict=True):
        row = [token for token in tokens if token.box.is_beside(box)]
        neighbours = [other for other in boxes if other is not box and other.is_beside(box)]
        label = _option_right(box, row, neighbours) or _option_left(box, row, neighbours)
        if label is None:
            continue
        sureness = checkbox.checked_score if checkbox.checked else 1 - checkbox.checked_score
        yield _Found(
            FIELD_KIND_CHECKBOX,
            _label_text(label),
            "true" if checkbox.checked else "false",
            checkbox.score * sureness * label.confidence,
            label,
            box,
        )


def _option_right(box: Box, row: Sequence[Token], boxes: Sequence[Box]) -> Phrase | None:
    limit = min((b.left for b in boxes if b.left > box.left), default=float("inf"))
    words = sorted(
        (t for t in row if t.box.middle > box.right and t.box.right <= limit + 1),
        key=lambda token: token.box.left,
    )
    return _adjoining(words, box.right, is_rightwards=True)


def _option_left(box: Box, row: Sequence[Token], boxes: Sequence[Box]) -> Phrase | None:
    limit = max((b.right for b in boxes if b.right < box.right), default=float("-inf"))
    words = sorted(
        (t for t in row if t.box.middle < box.left and t.box.left >= limit - 1),
        key=lambda token: -token.box.right,
    )
    return _adjoining(words, box.left, is_rightwards=False)


def _adjoining(words: Sequence[Token], edge: float, *, is_rightwards: bool) -> Phrase | None:
    """The words from an edge on, up to the first hole."""
    taken: list[Token] = []
    for token in words:
        hole = token.box.left - edge if is_rightwards else edge - token.box.right
        if hole > (_HOLE if taken else _REACH_OPTION) * token.box.height:
            break
        taken.append(token)
        edge = token.box.right if is_rightwards else token.box.left
    ordered = taken if is_rightwards else taken[::-1]
    return Phrase(tuple(ordered)) if ordered else None


def _signatures(
    result: SignatureResult, boxes: Sequence[Box], tokens: Sequence[Token]
) -> Iterator[_Found]:
    labels = [
        phrase
        for phrase in phrases(tokens, gap=_HOLE)
        if len(phrase.tokens) <= _LONGEST_SIGNATURE_LABEL and _SIGNATURE_LABEL.search(phrase.text)
    ]
    pairs = sorted(
        (box.distance(label.box), index, number)
        for index, box in enumerate(boxes)
        for number, label in enumerate(labels)
        if box.distance(label.box) <= max(box.height, _REACH_SIGNATURE * label.box.height)
    )
    owner: dict[int, int] = {}
    for _, index, number in pairs:
        if index not in owner and number not in owner.values():
            owner[index] = number
    for index, box in enumerate(boxes):
        score = result.signatures[index].score
        label = labels[owner[index]] if index in owner else None
        name = _label_text(label) if label else "signature"
        sureness = label.confidence if label else _WITHOUT_COLON
        yield _Found(FIELD_KIND_SIGNATURE, name, "true", score * sureness, label, box)
    for number, label in enumerate(labels):
        if number not in owner.values():
            sureness = label.confidence * _EMPTY
            yield _Found(FIELD_KIND_SIGNATURE, _label_text(label), "false", sureness, label, None)


def _texts(tokens: Sequence[Token], label_words: frozenset[str]) -> Iterator[_Found]:
    """Labels with their values; each run of words is the value of one label at most."""
    runs = [part for run in phrases(tokens, gap=_HOLE) for part in _split_at_colons(run)]
    labels = [run for run in runs if _is_label(run, label_words)]
    free = {index: run for index, run in enumerate(runs) if run not in labels}
    for label in sorted(labels, key=lambda run: (run.box.top, run.box.left)):
        has_colon = label.text.endswith(":")
        options = sorted(
            (-factor, index)
            for index, value in free.items()
            if (factor := _belonging(label, value, labels, has_colon=has_colon))
        )
        certainty = label.confidence * (1.0 if has_colon else _WITHOUT_COLON)
        name = _label_text(label)
        if options:
            factor, index = options[0]
            value = free.pop(index)
            certainty *= value.confidence * -factor
            yield _Found(FIELD_KIND_TEXT, name, value.text, certainty, label, value.box)
        elif has_colon and not _is_heading(label, runs):
            yield _Found(FIELD_KIND_TEXT, name, "", certainty * _EMPTY, label, None)


def _is_heading(label: Phrase, runs: Sequence[Phrase]) -> bool:
    """Whether prose stands directly below."""
    return any(_is_below(label.box, run.box) and not _is_answer(run) for run in runs)


def _is_label(run: Phrase, label_words: frozenset[str]) -> bool:
    if run.text.endswith(":"):
        return len(run.tokens) <= _LONGEST_LABEL
    if len(run.tokens) > _LONGEST_CAPTION:
        return False
    words = {token.text.lower().strip("(),") for token in run.tokens}
    return _NUMBERED.match(run.text) is not None or not words.isdisjoint(label_words)


def _label_text(label: Phrase) -> str:
    return label.text.rstrip(" :")


def _split_at_colons(run: Phrase) -> Iterator[Phrase]:
    """`Name: Ann Date: 1 May` as `Name:`, `Ann`, `Date:`, `1 May`.

    Between two labels the value ends at the widest hole, and at the label's last word when all
    holes are alike.
    """
    rest = list(run.tokens)
    is_first = True
    while colon := next((i + 1 for i, token in enumerate(rest) if _ends_label(token)), 0):
        start = 0 if is_first else _label_start(rest[:colon])
        if start:
            yield Phrase(tuple(rest[:start]))
        yield Phrase(tuple(rest[start:colon]))
        rest, is_first = rest[colon:], False
    if rest:
        yield Phrase(tuple(rest))


def _ends_label(token: Token) -> bool:
    return token.text.endswith(":") and is_wordlike(token.text)


def _label_start(tokens: Sequence[Token]) -> int:
    """Where, in a value followed by a label, the label starts."""
    holes = [
        (after.box.left - before.box.right, index + 1)
        for index, (before, after) in enumerate(itertools.pairwise(tokens))
    ]
    if not holes:
        return 0
    widest, index = max(holes)
    ordinary = sorted(hole for hole, _ in holes)[len(holes) // 2]
    return index if widest > 1.5 * max(ordinary, 1.0) else len(tokens) - 1


def _belonging(label: Phrase, value: Phrase, labels: Sequence[Phrase], *, has_colon: bool) -> float:
    """How telling the layout is that this is the label's value; 0 when it says nothing."""
    here, there, height = label.box, value.box, label.box.height
    if not has_colon and not _is_answer(value):
        return 0.0
    gap = there.left - here.right
    reach = _REACH_RIGHT if has_colon else _REACH_BESIDE_CAPTION
    if here.is_beside(there) and -0.5 * height <= gap <= reach * height:
        if _has_between(here, there, labels):
            return 0.0
        if label.tokens[0].line == value.tokens[0].line and gap <= _HOLE * height:
            return _INLINE
        nearness = 1 - 0.3 * max(gap, 0) / (reach * height)
        return nearness * (_RIGHT if has_colon else _BESIDE_CAPTION)
    if not (_is_below(here, there) and _is_answer(value)):
        return 0.0
    return _BELOW if has_colon else _BELOW_CAPTION


def _is_below(label: Box, value: Box) -> bool:
    """Whether this stands directly below the label, and not far to its left."""
    drop = value.top - label.bottom
    is_near = -0.3 * label.height <= drop <= _REACH_BELOW * label.height
    return is_near and label.is_over(value) and value.left >= label.left - 2 * label.height


def _is_answer(run: Phrase) -> bool:
    """Whether this can be what somebody filled in: short, and not a printed remark."""
    is_short = len(run.tokens) <= _LONGEST_ANSWER
    return is_short and run.text[0] != "(" and not _SIGNATURE_LABEL.search(run.text)


def _has_between(here: Box, there: Box, labels: Sequence[Phrase]) -> bool:
    return any(
        here.right <= other.box.left + 1 < there.left and other.box.is_beside(here)
        for other in labels
        if other.box != here
    )

"""Places for a signature, and whether they are signed.

A short text that speaks of a signature names a place: the rule right of it, the rule above it or
the rest of its cell. Without a rule the blank right of a text that ends with a colon is one. A
found signature belongs to the nearest place; one that is near none is reported without a name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.reading import vocabulary
from orchestrator.reading.layout import Box, Phrase, Token
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import segments, text_height

_LONGEST_LABEL = 7
_SHORT_LABEL = 4
_INITIAL = 3
_NARROWEST = 4.5
_TALL = 2.2
_NEAR_RULE_RIGHT = 4.0
_NEAR_RULE_ABOVE = 1.3
_LOW_CELL, _HIGH_CELL = 1.1, 7.0
_REACH = 4.0
_BLANK_WIDTH = 15.0


@dataclass(frozen=True)
class SignaturePlace:
    """Where somebody is to sign, or has signed.

    Attributes:
        label: what the place is called; None for a signature that is near no label.
        place: where to sign; None when only the label tells that somebody should.
        signature: index of the signature in it; None when it is empty.
        has_rule: whether a printed line shows the place.
    """

    label: Phrase | None
    place: Box | None
    signature: int | None
    has_rule: bool = False


def signature_places(
    signatures: Sequence[Box], tokens: Sequence[Token], rules: Rules
) -> list[SignaturePlace]:
    """The places of a page: named ones, then signatures without a name.

    Args:
        signatures: where signatures were found.
        tokens: the page's words, without those that are a signature read as text.
        rules: the page's lines; none when nobody looked for them.
    """
    unit = text_height(tokens, signatures)
    texts = segments(tokens, (), rules=rules)
    named = [
        SignaturePlace(label, *found)
        for label in texts
        if is_signature_label(label)
        for found in [_place(label, texts, signatures, rules, unit)]
    ]
    owner = _owners(signatures, named)
    places = [
        SignaturePlace(one.label, one.place, owner.get(number), one.has_rule)
        for number, one in enumerate(named)
        if number in owner or one.place is not None or (not rules.across and _is_short(one))
    ]
    left = set(range(len(signatures))) - set(owner.values())
    return places + [SignaturePlace(None, signatures[i], i) for i in sorted(left)]


def is_signature_label(text: Phrase) -> bool:
    """Whether a text names a place for a signature."""
    head = _head(text)
    if len(head.tokens) > _LONGEST_LABEL:
        return False
    if vocabulary.pattern("signature").search(head.text) is None:
        return False
    is_other = vocabulary.pattern("no_signature").search(head.text) is not None
    return not is_other or vocabulary.pattern("also_signature").search(head.text) is not None


def _head(text: Phrase) -> Phrase:
    """The label without the remark behind it: `Signature. If a joint return, both must sign`."""
    for index, token in enumerate(text.tokens):
        if index and token.text.startswith("("):
            return Phrase(text.tokens[:index])
        if len(token.text) > _INITIAL and token.text.endswith((".", ":", ",")):
            return Phrase(text.tokens[: index + 1])
    return text


def _is_short(one: SignaturePlace) -> bool:
    return one.label is not None and len(one.label.tokens) <= _SHORT_LABEL


def _owners(signatures: Sequence[Box], named: Sequence[SignaturePlace]) -> dict[int, int]:
    """Which signature stands in which place: the nearest pairs first."""
    pairs = []
    for number, one in enumerate(named):
        for index, box in enumerate(signatures):
            if one.label is None:
                continue
            far = box.distance(one.label.box)
            if one.place is not None and one.place.touches(box):
                far = 0.0
            if far <= max(box.height, _REACH * one.label.box.height):
                pairs.append((far, number, index))
    owner: dict[int, int] = {}
    for _, number, index in sorted(pairs):
        if number not in owner and index not in owner.values():
            owner[number] = index
    return owner


def _place(
    label: Phrase,
    texts: Sequence[Phrase],
    signatures: Sequence[Box],
    rules: Rules,
    unit: float,
) -> tuple[Box | None, int | None, bool]:
    """Where to sign, no signature yet, and whether a line shows it."""
    others = [text.box for text in texts if text is not label]
    ruled = [
        *_on_rule_right(label.box, others, rules, unit),
        *_on_rule_above(label.box, rules, unit),
        *_in_cell(label.box, others, rules, unit),
    ]
    open_ones = [place for place in ruled if place.width >= _NARROWEST * unit]
    for place in open_ones:
        if any(place.touches(box) for box in signatures):
            return place, None, True
    for place in open_ones:
        if not any(place.contains_centre(other) for other in others):
            return place, None, True
    if label.text.endswith(":"):
        blank = _blank_right(label.box, others, unit)
        if blank.width >= _NARROWEST * unit:
            return blank, None, False
    return None, None, False


def _on_rule_right(label: Box, others: Sequence[Box], rules: Rules, unit: float) -> Iterator[Box]:
    for rule in rules.across:
        is_base = label.top + 0.5 * label.height <= rule.top <= label.bottom + 0.8 * unit
        begins = rule.left - label.right <= _NEAR_RULE_RIGHT * unit
        if is_base and begins and rule.right > label.right + _NARROWEST * unit:
            left = max(rule.left, label.right + 0.3 * unit)
            place = Box(left, rule.top - _TALL * unit, rule.right, rule.top)
            yield _up_to_next(place, label, others)


def _on_rule_above(label: Box, rules: Rules, unit: float) -> Iterator[Box]:
    for rule in reversed(rules.across):
        drop = label.top - rule.bottom
        is_near = -0.4 * unit <= drop <= _NEAR_RULE_ABOVE * unit
        if is_near and rule.common_width(label) >= 0.5 * label.width:
            yield Box(rule.left, rule.top - _TALL * unit, rule.right, rule.top)


def _in_cell(label: Box, others: Sequence[Box], rules: Rules, unit: float) -> Iterator[Box]:
    """The rest of the cell that the label is written into."""
    below = next(
        (
            rule
            for rule in rules.across
            if _LOW_CELL * unit <= rule.top - label.bottom <= _HIGH_CELL * unit
            and rule.common_width(label) >= 0.5 * label.width
        ),
        None,
    )
    if below is None:
        return
    middle = (label.bottom + below.top) / 2
    sides = [r for r in rules.down if r.top <= middle <= r.bottom]
    left = max((r.right for r in sides if r.right <= label.left + unit), default=below.left)
    right = min((r.left for r in sides if r.left >= label.right), default=below.right)
    place = Box(max(left, below.left), label.bottom, min(right, below.right), below.top)
    yield _up_to_next(place, label, others)


def _blank_right(label: Box, others: Sequence[Box], unit: float) -> Box:
    left = label.right + 0.3 * unit
    place = Box(left, label.top - 0.6 * unit, left + _BLANK_WIDTH * unit, label.bottom)
    return _up_to_next(place, label, others)


def _up_to_next(place: Box, label: Box, others: Sequence[Box]) -> Box:
    """The place up to the next text right of the label."""
    limit = min(
        (o.left for o in others if o.left > label.right and o.is_beside(label)),
        default=float("inf"),
    )
    return Box(place.left, place.top, max(min(place.right, limit), place.left), place.bottom)

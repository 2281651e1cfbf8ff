"""How two results of one page differ: what one version of a model says and another does not."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pagemesh.exports.result import OUTCOMES
from pagemesh.orchestrator.v1.document_pb2 import PageResult

_LEAST_OVERLAP = 0.5


class Kind(StrEnum):
    """In which way the second result differs from the first."""

    ADDED = "added"
    MISSING = "missing"
    CHANGED = "changed"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        what: `field Name`, `line 3`, `box at 120,340`.
        before, after: what each result says; empty where it says nothing.
    """

    kind: Kind
    what: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        if self.kind is Kind.ADDED:
            return f"{self.what} added: {self.after}"
        if self.kind is Kind.MISSING:
            return f"{self.what} missing: {self.before}"
        return f"{self.what} {self.kind}: {self.before} -> {self.after}"


def compare_pages(
    first: PageResult, second: PageResult, tolerance: float = 0.05
) -> list[Difference]:
    """Every difference between two results of one page.

    Args:
        first: what was said before.
        second: what is said now.
        tolerance: scores and confidences that differ by no more count as alike.
    """
    parts = (_outcomes, _classes, _fields, _lines, _boxes, _signatures)
    return [found for part in parts for found in part(first, second, tolerance)]


def models(page: PageResult) -> list[str]:
    """The models that answered: `ocr 0.1.0`."""
    named = (f"{step.model.name} {step.model.version}" for step in page.steps if step.model.name)
    return sorted(set(named))


def _outcomes(first: PageResult, second: PageResult, _: float) -> Iterator[Difference]:
    before, after = (OUTCOMES.get(page.outcome, "unknown") for page in (first, second))
    yield from _changed("outcome", before, after)


def _classes(first: PageResult, second: PageResult, tolerance: float) -> Iterator[Difference]:
    before, after = first.classify, second.classify
    yield from _changed("class", before.label, after.label)
    if before.label == after.label:
        yield from _scored("class", before.score, after.score, tolerance)


def _fields(first: PageResult, second: PageResult, tolerance: float) -> Iterator[Difference]:
    before, after = _by_name(first), _by_name(second)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Difference(Kind.MISSING, name, before=repr(before[name].value))
        elif name not in before:
            yield Difference(Kind.ADDED, name, after=repr(after[name].value))
        else:
            yield from _changed(name, repr(before[name].value), repr(after[name].value))
            scores = before[name].confidence, after[name].confidence
            yield from _scored(name, *scores, tolerance)


def _by_name(page: PageResult) -> dict[str, Any]:
    """Fields by name; the second of a name is its second."""
    seen: Counter[str] = Counter()
    named = {}
    for field in page.fields:
        seen[field.name] += 1
        again = f" ({seen[field.name]})" if seen[field.name] > 1 else ""
        named[f"field {field.name}{again}"] = field
    return named


def _lines(first: PageResult, second: PageResult, tolerance: float) -> Iterator[Difference]:
    """Text in reading order; a line between lines that agree is its own change."""
    before, after = first.ocr.lines, second.ocr.lines
    texts = [line.text for line in before], [line.text for line in after]
    matcher = difflib.SequenceMatcher(None, *texts, autojunk=False)
    for _, low, high, start, end in matcher.get_opcodes():
        common = min(high - low, end - start)
        for old, new in zip(range(low, low + common), range(start, start + common), strict=True):
            yield from _changed(f"line {old + 1}", repr(before[old].text), repr(after[new].text))
            scores = before[old].confidence, after[new].confidence
            yield from _scored(f"line {old + 1}", *scores, tolerance)
        for old in range(low + common, high):
            yield Difference(Kind.MISSING, f"line {old + 1}", before=repr(before[old].text))
        for new in range(start + common, end):
            yield Difference(Kind.ADDED, f"line {new + 1}", after=repr(after[new].text))


def _boxes(first: PageResult, second: PageResult, tolerance: float) -> Iterator[Difference]:
    pairs = _pairs(first.checkbox.checkboxes, second.checkbox.checkboxes)
    for what, before, after in _told("box", pairs):
        if before is not None and after is not None:
            yield from _changed(what, _state(before), _state(after))
            yield from _scored(what, before.checked_score, after.checked_score, tolerance)
        else:
            yield _one_sided(what, before, after, _state)


def _signatures(first: PageResult, second: PageResult, tolerance: float) -> Iterator[Difference]:
    pairs = _pairs(first.signature.signatures, second.signature.signatures)
    for what, before, after in _told("signature", pairs):
        if before is not None and after is not None:
            yield from _scored(what, before.score, after.score, tolerance)
        else:
            yield _one_sided(what, before, after, _score)


def _state(box: Any) -> str:
    return "ticked" if box.checked else "empty"


def _score(signature: Any) -> str:
    return f"{signature.score:.2f}"


def _told(noun: str, pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """Pairs with where they lie."""
    for before, after in pairs:
        left, top, _, _ = _bounds(before if before is not None else after)
        yield f"{noun} at {left:.0f},{top:.0f}", before, after


def _one_sided(what: str, before: Any, after: Any, say: Callable[[Any], str]) -> Difference:
    if after is None:
        return Difference(Kind.MISSING, what, before=say(before))
    return Difference(Kind.ADDED, what, after=say(after))


def _changed(what: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(Kind.CHANGED, what, before, after)


def _scored(what: str, before: float, after: float, tolerance: float) -> Iterator[Difference]:
    if abs(before - after) > tolerance:
        yield Difference(Kind.SCORE, what, f"{before:.2f}", f"{after:.2f}")


def _pairs(first: Sequence[Any], second: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """What lies at the same place, best fits first; what has no counterpart with None."""
    fits = sorted(
        ((_overlap(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for overlap, i, j in fits:
        if overlap >= _LEAST_OVERLAP and i not in taken and j not in taken.values():
            taken[i] = j
    for i, one in enumerate(first):
        yield one, second[taken[i]] if i in taken else None
    for j in sorted(set(range(len(second))) - set(taken.values())):
        yield None, second[j]


def _overlap(one: Any, other: Any) -> float:
    """Intersection over union of two bounding boxes."""
    a, b = _bounds(one), _bounds(other)
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    return width * height / (areas - width * height)


def _bounds(thing: Any) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    quad = thing.quad
    corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)

"""How well labels and values are paired without a form definition.

`python -m eval.key_values --data DIR [--part validation] [--limit N] [--misses N]`

DIR holds labelled sets: `SET/labels.jsonl` with `entities`, each `{text, quad, label}` with label
`question`, `answer`, `header` or `other`. The labels do not say which answer belongs to which
question, so a pair is right when its label is a question's text, its value is an answer's, and no
other question stands between both. A text is an entity's when their boxes overlap and their
lower-case alphanumeric tokens have an F1 of at least 0.5.

Precision is over the pairs that were found, recall over the answers that are labelled. ECE is the
expected calibration error of the pairs' confidences. Pages are read by the product: its own OCR,
then its `fields` step. `--rules` prints how often each rule of pairing was right, from which its
share in `orchestrator/reading/key_values.py` is taken.
"""

import argparse
import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from eval import selection
from eval.product import Product, open_product
from eval.scores.words import expected_calibration_error, tokens
from meshkit.geometry import Transform
from meshkit.model import Image
from orchestrator.reading.fields import PageEvidence, find_fields
from orchestrator.reading.key_values import Rule, find_key_values
from orchestrator.reading.labels import LABEL_WORDS
from orchestrator.reading.layout import Upright, read_tokens, upright_words
from orchestrator.reading.rules import find_rules
from orchestrator.reading.segments import text_height
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.orchestrator.v1.document_pb2 import FIELD_KIND_TEXT, Field, PageResult

SETS = ("funsd_forms",)
OPTIONS = {"signature.threshold": "0.5"}
"""The pipeline of the evaluations keeps faint signatures; a page is read with likely ones only."""
SAME_TEXT = 0.5
SAME_PLACE = 0.3

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass
class Score:
    """Sums over the pages of one set."""

    pages: int = 0
    answers: int = 0
    found: int = 0
    right: int = 0
    confidences: list[float] = field(default_factory=list)
    truth: list[bool] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.answers, 1)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(self.found + self.answers, 1)

    def add(self, fields: Sequence[Field], entities: Sequence[dict[str, Any]], name: str) -> None:
        """Count a page's pairs."""
        answers = answers_of(entities)
        free = {id(entity) for entity in answers}
        self.pages += 1
        self.answers += len(answers)
        pairs = [f for f in fields if f.kind == FIELD_KIND_TEXT and f.value]
        for pair in sorted(pairs, key=lambda f: -f.confidence):
            fault = fault_of(pair, entities, free)
            self.found += 1
            self.right += not fault
            self.confidences.append(pair.confidence)
            self.truth.append(not fault)
            if fault:
                self.faults[fault] += 1
                said = f"{pair.name!r} = {pair.value!r}"
                self.misses.append(f"{name}: {fault}: {said} ({pair.confidence:.2f})")
        for entity in answers:
            if id(entity) in free:
                self.misses.append(f"{name}: missed: {entity['text']!r}")

    def calibration_error(self) -> float:
        return expected_calibration_error(
            np.array(self.confidences), np.array(self.truth, np.float64)
        )


def fault_of(pair: Field, entities: Sequence[dict[str, Any]], free: set[int]) -> str:
    """What is wrong with a pair; empty when nothing is. Takes the answer of a right one."""
    label = entity_of(pair.name, rect_of(pair.label_quad), entities)
    value = entity_of(pair.value, rect_of(pair.quad), entities)
    if label is None or label["label"] != "question":
        return f"label is {label['label'] if label else 'no entity'}"
    if value is None or value["label"] != "answer":
        return f"value is {value['label'] if value else 'no entity'}"
    if id(value) not in free:
        return "answer has a label already"
    questions = [e for e in entities if e["label"] == "question" and e is not label]
    if any(is_between(quad_rect(e), quad_rect(label), quad_rect(value)) for e in questions):
        return "another question is nearer"
    free.discard(id(value))
    return ""


def entity_of(text: str, rect: Rect, entities: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The entity with this text at this place."""
    here = [e for e in entities if overlap(rect, quad_rect(e)) >= SAME_PLACE]
    best = max(here, key=lambda e: likeness(text, e["text"]), default=None)
    return best if best is not None and likeness(text, best["text"]) >= SAME_TEXT else None


def likeness(text: str, other: str) -> float:
    """F1 of the tokens of both."""
    ours, theirs = Counter(tokens(text)), Counter(tokens(other))
    return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)


def overlap(rect: Rect, other: Rect) -> float:
    """Common area as a share of the smaller one."""
    across = min(rect[2], other[2]) - max(rect[0], other[0])
    down = min(rect[3], other[3]) - max(rect[1], other[1])
    smaller = min((r[2] - r[0]) * (r[3] - r[1]) for r in (rect, other))
    return max(across, 0) * max(down, 0) / max(smaller, 1e-9)


def is_between(other: Rect, label: Rect, value: Rect) -> bool:
    """Whether a text lies on the straight line between the nearest points of two others."""
    starts = np.array(nearest(label, value))
    ends = np.array(nearest(value, label))
    points = starts + np.linspace(0.02, 0.98, 40)[:, None] * (ends - starts)
    inside = (points >= other[:2]) & (points <= other[2:])
    return bool(inside.all(axis=1).any())


def nearest(rect: Rect, other: Rect) -> tuple[float, float]:
    """The point of a rectangle that is nearest to the middle of another one."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return min(max(x, rect[0]), rect[2]), min(max(y, rect[1]), rect[3])


def quad_rect(entity: dict[str, Any]) -> Rect:
    xs, ys = entity["quad"][0::2], entity["quad"][1::2]
    return min(xs), min(ys), max(xs), max(ys)


def rect_of(quad: Quad) -> Rect:
    corners = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


def rule_counts(
    page: PageResult, image: Image, entities: Sequence[dict[str, Any]]
) -> Counter[tuple[Rule, bool]]:
    """How many pairs each rule made, by whether they are right."""
    upright = Upright(page.deskew.upright_transform if has_turn(page) else None)
    turn = upright.transform or Transform.identity(page.width, page.height)
    words = upright_words(read_tokens(page.ocr, upright))
    free = {id(entity) for entity in answers_of(entities)}
    counts: Counter[tuple[Rule, bool]] = Counter()
    lines = find_rules(image, turn, text_height(words))
    found = find_key_values(words, frozenset(LABEL_WORDS), lines)
    for pair in sorted(found, key=lambda pair: -pair.confidence):
        if pair.value is not None and pair.rule is not None:
            said = Field(
                name=pair.label.text,
                value=pair.value.text,
                label_quad=upright.quad(pair.label.box),
                quad=upright.quad(pair.value.box),
            )
            counts[pair.rule, not fault_of(said, entities, free)] += 1
    return counts


def has_turn(page: PageResult) -> bool:
    return page.deskew.HasField("upright_transform")


def answers_of(entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in entities if e["label"] == "answer" and tokens(e["text"])]


async def read_pages(
    folder: Path, labels: Sequence[selection.Label], readings: Path | None
) -> AsyncIterator[tuple[selection.Label, PageResult]]:
    """Each page as the product reads it; what the models said of it is taken from and kept in
    `readings`, its fields are found anew each time."""
    async with contextlib.AsyncExitStack() as stack:
        product: Product | None = None
        for label in track(labels, folder.name, console=Console(stderr=True), transient=True):
            kept = readings / folder.name / f"{Path(label['file']).name}.pb" if readings else None
            if kept is not None and kept.is_file():
                yield (
                    label,
                    found_again(PageResult.FromString(kept.read_bytes()), image_of(folder, label)),
                )
                continue
            if product is None:
                product = await stack.enter_async_context(open_product(["fields"]))
            _, (page,) = await product.read((folder / label["file"]).read_bytes(), options=OPTIONS)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(page.SerializeToString())
            yield label, page


def found_again(page: PageResult, image: Image) -> PageResult:
    """The page with its fields found anew from what the models said."""
    transform = page.deskew.upright_transform if has_turn(page) else None
    fields = find_fields(PageEvidence(page.ocr, page.checkbox, page.signature, transform, image))
    del page.fields[:]
    page.fields.extend(fields)
    return page


def image_of(folder: Path, label: selection.Label) -> Image:
    return np.asarray(cv2.imread(str(folder / label["file"])), np.uint8)


async def evaluate(
    folder: Path, labels: Sequence[selection.Label], readings: Path | None
) -> tuple[Score, Counter[tuple[Rule, bool]]]:
    """Read the pages of a set and count their pairs."""
    score, rules = Score(), Counter[tuple[Rule, bool]]()
    async for label, page in read_pages(folder, labels, readings):
        score.add(page.fields, label["entities"], label["file"])
        rules.update(rule_counts(page, image_of(folder, label), label["entities"]))
    return score, rules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    selection.add_arguments(parser, SETS)
    parser.add_argument("--misses", type=int, default=0, help="print so many that went wrong")
    parser.add_argument("--rules", action="store_true", help="print each rule's share")
    parser.add_argument("--readings", type=Path, help="folder to keep what the models said in")
    arguments = parser.parse_args()
    part = selection.as_part(arguments.part)
    console = Console(width=120)
    table = Table("set", "pages", "answers", "found", "precision", "recall", "F1", "ECE")
    shares = Table("set", "rule", "pairs", "right")
    for name in arguments.sets:
        folder = arguments.data / name
        labels = selection.read_labels(
            folder, lambda label: label.get("entities"), part=part, limit=arguments.limit
        )
        score, rules = asyncio.run(evaluate(folder, labels, arguments.readings))
        numbers = (score.precision, score.recall, score.f1, score.calibration_error())
        counts = (score.pages, score.answers, score.found)
        table.add_row(name, *map(str, counts), *(f"{number:.3f}" for number in numbers))
        for rule in Rule:
            pairs = rules[rule, True] + rules[rule, False]
            shares.add_row(name, rule, str(pairs), f"{rules[rule, True] / max(pairs, 1):.2f}")
        for miss in score.misses[: arguments.misses]:
            console.print(miss, markup=False, highlight=False)
    console.print(table)
    if arguments.rules:
        console.print(shares)


if __name__ == "__main__":
    main()

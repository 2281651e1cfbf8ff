"""How well the classifier tells forms from the rest: `python -m eval.classify --data DIR`.

DIR holds labelled sets, `SET/labels.jsonl` and the images it names. The sets' classes are mapped to
the model's own by `eval.sets.CLASSES`. These pages are measured on and never trained on.

For the gate: a form is accepted when its label is `application_form`; recall is over the forms, the
false-accept rate over all other pages. CPU is the processor seconds of this process a page.
"""

import argparse
import resource
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from eval.selection import add_arguments, as_part, read_labels
from eval.sets import CLASSES, CLASSIFY, FORM, WHOLE_SETS
from eval.split import Part
from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.classify.config import ClassifyConfig
from servers.classify.model import ClassifyModel, ClassifyOptions


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said of one labelled page."""

    source: str
    file: str
    truth: str
    label: str
    best: str
    score: float


def labelled_pages(
    data: Path, sets: Iterable[str], limit: int | None, part: Part | None
) -> Iterator[tuple[str, str, str, Image]]:
    """Source, file, true class, upright image; pages selected by `read_labels`.

    Pages that lie on their side or upside down are turned by their label, as the deskew model does
    before this one.
    """
    for name in sets:
        truth = WHOLE_SETS.get(name, "")
        for row in read_labels(data / name, part=part, limit=limit):
            image = cv2.imread(str(data / name / row["file"]), cv2.IMREAD_COLOR)
            if image is None:
                raise FileNotFoundError(data / name / row["file"])
            page = np.ascontiguousarray(np.rot90(image, (row.get("orientation") or 0) // 90))
            source = name if truth else f"{name}: {row['doc_class']}"
            yield source, row["file"], truth or CLASSES[row["doc_class"]], page.astype(np.uint8)


def ask(model: ClassifyModel, image: Image) -> tuple[str, str, float]:
    """Label, best class and its score."""
    (result,) = model.predict([PageInput(image, None, ClassifyOptions())])
    if isinstance(result, PagemeshError):
        raise result
    return result.label, result.scores[0][0], result.score


def report(answers: list[Answer], threshold: float) -> None:
    """Print a line a source, then the gate."""
    by_source: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_source[answer.source].append(answer)
    print(f"{'source':<42}{'pages':>6}{'right':>8}{'as form':>9}  labels given")
    for source, rows in by_source.items():
        right = np.mean([row.label == row.truth for row in rows])
        as_form = np.mean([row.label == FORM for row in rows])
        given = ", ".join(f"{k} {n}" for k, n in Counter(r.label for r in rows).most_common(4))
        print(f"{source:<42}{len(rows):>6}{right:>8.2f}{as_form:>9.2f}  {given}")
    for truth in sorted({answer.truth for answer in answers}):
        rows = [answer for answer in answers if answer.truth == truth]
        print(f"recall {truth:<18}{np.mean([r.label == truth for r in rows]):.3f}  of {len(rows)}")
    forms = [answer for answer in answers if answer.truth == FORM]
    others = [answer for answer in answers if answer.truth != FORM]
    print(f"accuracy           {np.mean([a.label == a.truth for a in answers]):.3f}")
    print(f"threshold          {threshold}")
    print(f"form recall        {np.mean([a.label == FORM for a in forms]):.3f}  of {len(forms)}")
    print(f"false-accept rate  {np.mean([a.label == FORM for a in others]):.3f}  of {len(others)}")
    for bar in (0.3, 0.5, 0.7, 0.9):
        accepted, false = (
            np.mean([a.best == FORM and a.score >= bar for a in rows]) for rows in (forms, others)
        )
        print(f"at threshold {bar}: form recall {accepted:.3f}, false-accept rate {false:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, CLASSIFY)
    parser.add_argument("--threshold", type=float, default=ClassifyConfig().threshold)
    parser.add_argument("--errors", action="store_true", help="list pages on the wrong side")
    given = parser.parse_args()
    model = ClassifyModel(ClassifyConfig(threshold=given.threshold, intra_op_threads=1))
    identity = model.load()
    answers, cpu = [], 0.0
    for source, file, truth, image in labelled_pages(
        given.data, given.sets, given.limit, as_part(given.part)
    ):
        before = resource.getrusage(resource.RUSAGE_SELF)
        answers.append(Answer(source, file, truth, *ask(model, image)))
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{identity.name} {identity.version} on {identity.device}, {identity.digest[:19]}")
    report(answers, given.threshold)
    print(f"CPU seconds a page {cpu / len(answers):.4f}")
    if given.errors:
        for answer in answers:
            if (answer.label == FORM) != (answer.truth == FORM):
                print(f"{answer.source} {answer.file}: {answer.best} {answer.score:.2f}")


if __name__ == "__main__":
    main()

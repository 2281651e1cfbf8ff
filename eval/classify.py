"""How well pages are classified: `python -m eval.classify --data DIR`.

DIR holds labelled sets. Their pages are read with the fast tier first, as the shipped pipelines do,
and judged with and without that text. Pages that lie on their side are turned by their label.

Without more: the shipped classes, which know the government form families of the sets.
`--model MODEL_DIR`: another model. `--trained`: the shipped classes trained without the families of
the validation part and tested on that part; then what a business unit would do: train on the tuning
part of the mixed classes and test on the rest, train on all years of government form families but
one and test on that. `--calibration FILE`: write what the shipped scores are calibrated with
(`training.classes fit --calibration FILE`), from tuning pages, whose families a training for it
leaves out.

The gate: a form is accepted when its label is one of `eval.sets.FORMS`; recall is over the forms,
the false-accept rate over all other pages.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.classify_pages import BLANKS, FAMILIES, MIXED, Page, blank_pages, labelled_pages
from eval.selection import add_arguments, as_part
from eval.sets import CLASSIFY, FORMS
from eval.split import Part, part_of
from servers.classify.classifier import (
    FAMILY_SEPARATOR,
    UNKNOWN,
    Classifier,
    Judgement,
    class_of,
    read_classifier,
    softmax,
    sureness_of,
)
from servers.classify.config import DEFAULT_MODEL, ClassifyConfig
from servers.classify.examples import EXAMPLES_FILE, Examples, examples_of, helping, read_examples
from servers.classify.fit import fit
from servers.classify.page_vector import page_vector, stack
from servers.classify.report import calibration_error

QUANTILES = 101
LEAST_CHANCE = 1e-6


def as_examples(pages: Sequence[Page], leaf: Callable[[Page], str]) -> Examples:
    """The pages as examples to train on."""
    vectors = [page_vector(page.layout, page.lines) for page in pages]
    return examples_of([leaf(page) for page in pages], [page.file for page in pages], vectors)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a classifier said of a page; `label` as the server would say it."""

    page: Page
    label: str
    best: str
    score: float
    typicality: float


def ask(classifier: Classifier, pages: Sequence[Page], *, with_text: bool = True) -> list[Answer]:
    """An answer for each page, at the server's defaults."""
    config = ClassifyConfig()
    vectors = [page_vector(page.layout, page.lines if with_text else ()) for page in pages]
    answers = []
    for page, judgement in zip(pages, classifier.judge(stack(vectors)), strict=True):
        best, score = judgement.scores[0]
        known = judgement.typicality >= config.typicality and score >= config.threshold
        label = best if known else UNKNOWN
        answers.append(Answer(page, label, best, score, judgement.typicality))
    return answers


def report(answers: list[Answer]) -> None:
    """Print a line a source, then the gate and the calibration."""
    by_source: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_source[answer.page.source].append(answer)
    print(f"{'source':<52}{'pages':>6}{'right':>8}{'best':>8}{'as form':>9}  labels given")
    for source, rows in by_source.items():
        given = ", ".join(f"{k} {n}" for k, n in Counter(r.label for r in rows).most_common(4))
        best = _share(row.best == row.page.truth for row in rows)
        form = _share(row.label in FORMS for row in rows)
        print(f"{source:<52}{len(rows):>6}{_right(rows):>8.2f}{best:>8.2f}{form:>9.2f}  {given}")
    sets = list(dict.fromkeys(answer.page.set_name for answer in answers))
    for name in sets:
        rows = [answer for answer in answers if answer.page.set_name == name]
        best = _share(row.best == row.page.truth for row in rows)
        print(f"{name}: right {_right(rows):.3f}, best class {best:.3f} of {len(rows)}")
    forms = [answer for answer in answers if answer.page.truth in FORMS]
    others = [answer for answer in answers if answer.page.truth not in FORMS]
    for accepted in (FORMS, (*FORMS, UNKNOWN)):
        for name, rows in (("form recall", forms), ("false-accept rate", others)):
            if rows:
                share = _share(row.label in accepted for row in rows)
                print(f"{name:<20}{share:.3f}  of {len(rows)}, accepting {', '.join(accepted)}")
    scores = np.array([answer.score for answer in answers])
    right = np.array([answer.best == answer.page.truth for answer in answers])
    print(f"calibration error   {calibration_error(scores, right):.3f}")


def _right(rows: Sequence[Answer]) -> float:
    return _share(row.label == row.page.truth for row in rows)


def _share(truths: Iterator[bool] | Any) -> float:
    return float(np.mean(list(truths)))


def auroc(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    """Chance that a known page has the higher number; ties count half."""
    more = (known[:, None] > unknown).mean() + (known[:, None] == unknown).mean() / 2
    return float(more)


def without_families(base: Examples, part: Part) -> Examples:
    """Shipped pages but those of form families of a part: the shipped classes know them all."""
    kept = [
        i
        for i, (leaf, file) in enumerate(zip(base.leaves, base.files, strict=True))
        if FAMILY_SEPARATOR not in leaf
        or part_of(FAMILIES, {"file": file, "doc_class": leaf.partition(FAMILY_SEPARATOR)[2]})
        is not part
    ]
    return base.rows(kept)


def refitted(pages: Sequence[Page], base: Examples, shipped: Classifier) -> None:
    """The shipped classes, trained without the families that judge, on the validation part."""
    classifier, _ = fit(without_families(base, Part.VALIDATION))
    heads = {
        name: replace(
            getattr(classifier, name), temperature=head.temperature, in_class=head.in_class
        )
        for name, head in (("full", shipped.full), ("bare", shipped.bare))
    }
    aside = [page for page in pages if page.part is Part.VALIDATION]
    for with_text in (True, False):
        print(f"\nshipped classes, families unseen, {'with' if with_text else 'without'} text:")
        report(ask(replace(classifier, **heads), aside, with_text=with_text))


def trained(pages: Sequence[Page], base: Examples) -> None:
    """Train as a business unit would, and test on what was kept aside."""
    base = without_families(base, Part.VALIDATION)
    mixed = [page for page in pages if page.set_name == MIXED]
    tuning = [page for page in mixed if page.part is Part.TUNING]
    aside = [page for page in mixed if page.part is Part.VALIDATION]
    for name, others in (("with shipped pages of the same classes", base), ("alone", None)):
        own = as_examples(_several(tuning) if others is None else tuning, lambda page: page.truth)
        classifier, _ = fit(own, None if others is None else helping(own, others))
        print(f"\n{MIXED}, trained on {len(own.leaves)} tuning pages, {name}:")
        report(ask(classifier, aside))
    _left_out(tuning, aside, base)


def _several(pages: Sequence[Page]) -> list[Page]:
    """Those whose class has another page to be told by."""
    counts = Counter(page.truth for page in pages)
    return [page for page in pages if counts[page.truth] > 1]


def _left_out(tuning: Sequence[Page], aside: Sequence[Page], base: Examples) -> None:
    """How pages of classes that training never saw are told from those of classes that it did."""
    classes = sorted({page.truth for page in aside})
    known, unknown, refused = [], [], []
    for turn in range(5):
        out = set(classes[turn::5])
        own = as_examples([page for page in tuning if page.truth not in out], lambda p: p.truth)
        classifier, _ = fit(own, helping(own, base))
        for answer in ask(classifier, aside):
            if answer.page.truth in out:
                unknown.append(answer.typicality)
                refused.append(answer.label == UNKNOWN)
            else:
                known.append(answer.typicality)
    value = auroc(np.array(known), np.array(unknown))
    print(f"\nunknown classes: AUROC {value:.3f} of {len(known)} known and {len(unknown)} unknown")
    print(f"  pages of unknown classes labelled `{UNKNOWN}`: {np.mean(refused):.3f}")
    wrongly = _share(typicality < ClassifyConfig().typicality for typicality in known)
    print(f"  pages of known classes labelled so: {wrongly:.3f}")


def _families(pages: Sequence[Page], drawn: Examples) -> None:
    """Turn by turn a year of each family that has several is the test, all else the training."""
    years: dict[str, set[int]] = defaultdict(set)
    for page in pages:
        if page.year is not None:
            years[page.leaf].add(page.year)
    several = {leaf: sorted(found)[::-1] for leaf, found in years.items() if len(found) > 1}
    answers: list[tuple[str, Page, Judgement]] = []
    for turn in range(max(map(len, several.values()))):
        left_out = {leaf: found[turn] for leaf, found in several.items() if turn < len(found)}
        test = [page for page in pages if page.year == left_out.get(page.leaf, -1)]
        rest = [page for page in pages if page.year != left_out.get(page.leaf, -1)]
        classifier, _ = fit(as_examples(rest, _family_of), drawn)
        name = "newest" if turn == 0 else "another"
        judged = classifier.judge(stack([page_vector(page.layout, page.lines) for page in test]))
        answers += [(name, *pair) for pair in zip(test, judged, strict=True)]
    print(f"\n{FAMILIES} and {BLANKS}: a year of {len(several)} families never seen")
    for name in ("newest", "another"):
        rows = [(page, judgement) for which, page, judgement in answers if which == name]
        right = [_is_family(page, judgement) for page, judgement in rows]
        kept = [judgement.typicality >= ClassifyConfig().typicality for _, judgement in rows]
        both = _share(map(all, zip(right, kept, strict=True)))
        print(f"  {name} year: class and family right {_share(iter(right)):.3f}, not `{UNKNOWN}` "
              f"either {both:.3f}  of {len(rows)} pages")  # fmt: skip


def _family_of(page: Page) -> str:
    return f"{page.truth}{FAMILY_SEPARATOR}{page.leaf}"


def _is_family(page: Page, judgement: Judgement) -> bool:
    """Whether the best class is the page's, and the best family in it, too."""
    best, _ = judgement.scores[0]
    return best == page.truth and judgement.families[0][0] == page.leaf


def calibrate(classifier: Classifier, pages: Sequence[Page]) -> dict[str, Any]:
    """For both views the temperature that makes these pages likeliest, and how sure it is of them.

    Each set weighs the square root of its pages, so that no large one decides alone.
    """
    counts = Counter(page.set_name for page in pages)
    weights = np.array([counts[page.set_name] ** -0.5 for page in pages])
    classes = list(classifier.labels)
    places = np.array([classes.index(page.truth) for page in pages])
    member = np.array([[class_of(leaf) == c for c in classes] for leaf in classifier.leaves], float)
    found: dict[str, Any] = {}
    for name, head, with_text in (
        ("full", classifier.full, True),
        ("bare", classifier.bare, False),
    ):
        vectors = [page_vector(page.layout, page.lines if with_text else ()) for page in pages]
        look = classifier.look(head, stack(vectors))

        def likelihood(temperature: float, logits: NDArray[np.float64] = look.logits) -> float:
            chances = (softmax(logits / temperature) @ member)[np.arange(len(places)), places]
            return float((weights * np.log(np.maximum(chances, LEAST_CHANCE))).sum())

        grid = np.geomspace(0.2, 5, 120)
        sureness = np.quantile(sureness_of(look, classifier.leaves), np.linspace(0, 1, QUANTILES))
        found[name] = {
            "temperature": round(float(grid[np.argmax([likelihood(t) for t in grid])]), 4),
            "in_class": [round(float(value), 4) for value in sureness],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, CLASSIFY)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="a model folder")
    parser.add_argument("--texts", type=Path, help="folder to keep the pages' texts in")
    parser.add_argument("--trained", action="store_true", help="train and test")
    parser.add_argument("--calibration", type=Path, help="file to write the calibration to")
    parser.add_argument("--errors", action="store_true", help="list pages of the wrong class")
    given = parser.parse_args()
    if given.trained:
        base = read_examples(given.model / EXAMPLES_FILE)
        pages = labelled_pages(given.data, given, None)
        refitted(pages, base, read_classifier(given.model))
        trained(pages, base)
        forms = [page for page in pages if page.set_name == FAMILIES]
        drawn = base.rows([i for i, leaf in enumerate(base.leaves) if FAMILY_SEPARATOR not in leaf])
        _families(forms + blank_pages(given.data, given.texts), drawn)
        return
    classifier = read_classifier(given.model)
    part = Part.TUNING if given.calibration else as_part(given.part)
    pages = labelled_pages(given.data, given, part)
    if given.calibration:
        base = read_examples(given.model / EXAMPLES_FILE)
        unaware, _ = fit(without_families(base, Part.TUNING))
        found = json.dumps(calibrate(unaware, pages), indent=1)
        given.calibration.write_text(found + "\n", encoding="utf-8")
        return
    for with_text in (True, False):
        print(f"\n{'with' if with_text else 'without'} the page's text:")
        answers = ask(classifier, pages, with_text=with_text)
        report(answers)
        if given.errors:
            for answer in answers:
                if answer.label != answer.page.truth:
                    print(f"{answer.page.source} {answer.page.file}: {answer.label}, "
                          f"{answer.best} {answer.score:.2f} {answer.typicality:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()

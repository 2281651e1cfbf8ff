"""Training a classifier, and what it makes of pages that it was not trained on."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from servers.classify import fit as fitting
from servers.classify.classifier import Classifier, WrongModelError, read_classifier
from servers.classify.examples import helping, join, read_examples, read_vectors
from servers.classify.fit import TooFewExamplesError, fit, folds_of
from servers.classify.page_vector import stack
from servers.classify.report import calibration_error
from tests.unit.servers.classify.examples import WORDS, examples, vector


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return fit(examples())[0]


def test_unseen_pages_get_their_class_and_family(classifier: Classifier) -> None:
    judged = classifier.judge(stack([vector(leaf, 999) for leaf in WORDS]))

    assert [judgement.scores[0][0] for judgement in judged] == [
        *("invoice", "letter", "tax_form", "tax_form")
    ]
    assert [judgement.families[0][0] for judgement in judged[2:]] == ["f1", "f2"]
    assert not judged[0].families


def test_scores_and_families_add_up_to_one(classifier: Classifier) -> None:
    (judgement,) = classifier.judge(stack([vector("tax_form/f1", 5)]))

    assert sum(score for _, score in judgement.scores) == pytest.approx(1)
    assert sum(score for _, score in judgement.families) == pytest.approx(1)
    assert len(judgement.scores) == 3


def test_a_page_of_no_known_kind_is_less_typical(classifier: Classifier) -> None:
    strange, usual = classifier.judge(stack([vector("zoo", 1), vector("letter", 900)]))

    assert strange.typicality < 0.1 < usual.typicality


def test_without_text_the_layout_decides(classifier: Classifier) -> None:
    judged = classifier.judge(stack([vector(leaf, 901, text=False) for leaf in WORDS]))

    assert judged[0].scores[0][0] == "invoice"
    assert judged[1].scores[0][0] == "letter"


def test_an_answer_does_not_depend_on_the_other_pages(classifier: Classifier) -> None:
    pages = [vector(leaf, 7, text=leaf != "letter") for leaf in WORDS]
    alone = [classifier.judge(stack([page]))[0] for page in pages]

    assert classifier.judge(stack(pages)) == alone


def test_the_report_is_of_pages_that_were_left_out() -> None:
    _, report = fit(examples())

    assert report.pages == 48
    assert report.accuracy == 1
    assert report.by_class["letter"] == (1, 12)
    assert report.unknown_auroc is not None
    assert report.unknown_auroc > 0.9
    assert 0 <= report.calibration_error < 0.2


def test_labels_without_meaning_are_not_found_again() -> None:
    pages = examples()
    shuffled = tuple(np.random.default_rng(3).permutation(pages.leaves))
    _, report = fit(replace(pages, leaves=shuffled))

    assert report.accuracy < 0.7


def test_pages_of_one_file_are_left_out_together() -> None:
    pages = examples(pages=6)
    same = replace(pages, files=tuple(file[:-1] + "0" for file in pages.files))

    turns = folds_of(same)

    assert len({(leaf, turn) for leaf, turn in zip(same.leaves, turns, strict=True)}) == 4


def test_shipped_pages_help_classes_of_the_same_name() -> None:
    base = examples(leaves=("letter", "tax_form/f1", "invoice"))
    own = examples(pages=3, leaves=("tax_form", "letter"))

    help_ = helping(own, base)

    assert help_ is not None
    assert set(help_.leaves) == {"letter", "tax_form"}
    assert set(fit(own, help_)[0].labels) == {"letter", "tax_form"}
    assert helping(examples(leaves=("zoo", "ark")), base) is None


def test_own_classes_stand_beside_the_shipped() -> None:
    base = examples(leaves=("letter", "invoice"))
    classifier, report = fit(examples(pages=6, leaves=("zoo", "letter")), base)

    assert set(classifier.labels) == {"invoice", "letter", "zoo"}
    assert report.pages == 12


@pytest.mark.parametrize(
    ("pages", "leaves", "message"),
    [(5, ("letter",), "at least two"), (1, ("letter", "invoice"), "one page is not enough")],
)
def test_too_few_examples_are_refused(pages: int, leaves: tuple[str, ...], message: str) -> None:
    with pytest.raises(TooFewExamplesError, match=message):
        fit(examples(pages=pages, leaves=leaves))


def test_a_family_is_known_by_a_single_page() -> None:
    several = examples(pages=6, leaves=("letter", "tax_form/f1"))
    classifier, report = fit(join(several, examples(pages=1, leaves=("tax_form/f2",))))

    (judgement,) = classifier.judge(stack([vector("tax_form/f2", 903)]))

    assert (judgement.scores[0][0], judgement.families[0][0]) == ("tax_form", "f2")
    assert report.leaf_accuracy == 1


def test_a_family_of_a_single_page_leaves_scores_as_sure_as_they_were() -> None:
    several = examples(pages=6, leaves=("letter", "tax_form/f1"))
    alone = fit(several)[0]
    beside = fit(join(several, examples(pages=1, leaves=("tax_form/f2",))))[0]

    assert beside.full.temperature == pytest.approx(alone.full.temperature, rel=0.5)


def test_a_model_folder_says_the_same_again(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path, {})
    pages = stack([vector(leaf, 50) for leaf in WORDS])

    for first, again in zip(
        classifier.judge(pages), read_classifier(tmp_path).judge(pages), strict=True
    ):
        assert again.scores[0][0] == first.scores[0][0]
        assert again.scores[0][1] == pytest.approx(first.scores[0][1], abs=0.01)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongModelError, match=r"no model\.json"):
        read_classifier(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "does not say"),
        ({"format_version": 99}, "version 99"),
        ({"classes": "letter"}, "list of names"),
        ({"classes": ["letter"]}, "full_words"),
    ],
)
def test_a_model_of_another_format_is_refused(
    classifier: Classifier, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    classifier.save(tmp_path, {})
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | change))

    with pytest.raises(WrongModelError, match=message):
        read_classifier(tmp_path)


def test_damaged_weights_are_refused(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path, {})
    (tmp_path / "weights.npz").write_bytes(b"PK nothing")

    with pytest.raises(WrongModelError, match=r"weights\.npz cannot be read"):
        read_classifier(tmp_path)


def test_examples_survive_a_file(tmp_path: Path) -> None:
    pages = examples(pages=2)
    pages.save(tmp_path / "examples.npz")
    again = read_examples(tmp_path / "examples.npz")

    assert (again.leaves, again.files) == (pages.leaves, pages.files)
    assert again.pages.layout == pytest.approx(pages.pages.layout, abs=2e-3)


def test_the_command_trains_from_what_a_client_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(leaf, seed) for leaf in WORDS for seed in range(6)]
    vectors = [vector(leaf, seed + 100 * i) for i, (leaf, seed) in enumerate(rows)]
    np.savez(
        tmp_path / "vectors.npz",
        leaves=np.array([leaf for leaf, _ in rows]),
        files=np.array([f"{leaf} {seed}" for leaf, seed in rows]),
        counts=np.array([len(v.places) for v in vectors]),
        places=np.concatenate([v.places for v in vectors]),
        values=np.concatenate([v.values for v in vectors]),
    )
    out = tmp_path / "model"
    monkeypatch.setattr(sys, "argv", ["fit", str(tmp_path / "vectors.npz"), "--out", str(out)])

    assert fitting.main() == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["invoice", "letter", "tax_form"]
    assert read_classifier(out).labels == ("invoice", "letter", "tax_form")


def test_what_is_no_file_of_vectors_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vectors.npz").write_text("nothing")
    monkeypatch.setattr(
        sys, "argv", ["fit", str(tmp_path / "vectors.npz"), "--out", str(tmp_path / "m")]
    )

    assert fitting.main() == 1
    assert "holds no page vectors" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
    with pytest.raises(ValueError, match="page vectors"):
        read_vectors(tmp_path / "vectors.npz")


def test_calibration_error_is_the_gap_between_score_and_right() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.9])

    assert calibration_error(scores, np.array([True, True, False, False])) == pytest.approx(0.4)

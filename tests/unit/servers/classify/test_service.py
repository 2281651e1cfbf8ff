"""Between the contract and the classifier's own types."""

import numpy as np
import pytest

from meshkit.errors import InvalidInput
from meshkit.geometry import Transform
from meshkit.serving import PageGeometry
from pagemesh.classify.v1 import classify_service_pb2 as pb
from servers.classify.model import ClassifyResult
from servers.classify.page_vector import PageVector
from servers.classify.service import SERVICE, build_result, parse_options


def test_no_threshold_means_the_servers() -> None:
    assert parse_options(pb.ClassifyOptions()).threshold is None
    assert parse_options(pb.ClassifyOptions(threshold=0.7)).threshold == 0.7


@pytest.mark.parametrize("threshold", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_threshold_outside_its_range_is_named(threshold: float) -> None:
    with pytest.raises(InvalidInput, match=r"options\.threshold must lie in \[0, 1\]"):
        parse_options(pb.ClassifyOptions(threshold=threshold))


def test_the_result_keeps_every_score() -> None:
    scores = (("letter", 0.4), ("application_form", 0.35), ("receipt", 0.25))
    geometry = PageGeometry(Transform(np.eye(3), 10, 10), 10, 10)

    result = build_result(ClassifyResult("unknown", 0.4, 0.5, scores), geometry)

    assert (result.label, result.score, result.threshold) == ("unknown", 0.4, 0.5)
    assert [(item.label, item.score) for item in result.scores] == list(scores)


def test_families_typicality_and_features_are_handed_on() -> None:
    vector = PageVector(np.array([3, 40_000]), np.array([0.5, 2.0], np.float32))
    answer = ClassifyResult(
        *("tax_form", 0.9, 0.0, (("tax_form", 0.9), ("letter", 0.1))),
        families=(("f1040", 1.0),),
        typicality=0.4,
        used_text=True,
        features=vector,
    )

    result = build_result(answer, PageGeometry(Transform(np.eye(3), 10, 10), 10, 10))

    assert [(family.label, family.score) for family in result.families] == [("f1040", 1.0)]
    assert (result.typicality, result.used_text) == (0.4, True)
    assert (list(result.features.places), list(result.features.values)) == ([3, 40_000], [0.5, 2])


def test_the_text_reaches_the_model() -> None:
    options = parse_options(
        pb.ClassifyOptions(text_lines=["Dear Sir", "Yours"], with_features=True)
    )

    assert options.lines == ("Dear Sir", "Yours")
    assert options.with_features


def test_the_contract_is_the_classifiers() -> None:
    assert SERVICE.unary.name == "ClassifyPage"
    assert SERVICE.stream.name == "StreamClassifyPages"

"""Between the contract and the classifier's own types."""

import numpy as np
import pytest

from meshkit.errors import InvalidInput
from meshkit.geometry import Transform
from meshkit.serving import PageGeometry
from pagemesh.classify.v1 import classify_service_pb2 as pb
from servers.classify.model import ClassifyResult
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


def test_the_contract_is_the_classifiers() -> None:
    assert SERVICE.unary.name == "ClassifyPage"
    assert SERVICE.stream.name == "StreamClassifyPages"

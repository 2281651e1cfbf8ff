"""What becomes of calls that fail, that hang, and of pods that fail again and again."""

import time
from collections.abc import Callable

import grpc
import pytest

from tests.mesh.mesh import Mesh

DOOR = "/pagemesh.orchestrator.v1.OrchestratorService"
READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED
ORCHESTRATORS, OCR = ("orchestrator-1", "orchestrator-2"), ("ocr-1", "ocr-2")
STREAMS = ("AnalyzeDocument", "WatchDocument", "SubmitDocument")


def fail(mesh: Mesh, pods: tuple[str, ...], code: grpc.StatusCode | None) -> None:
    for pod in pods:
        mesh.backends[pod].failing = code


def test_short_calls_are_repeated_twice_and_by_another_pod(production: Mesh) -> None:
    fail(production, ORCHESTRATORS[:1], UNAVAILABLE)
    for _ in range(10):
        assert production.call("gateway-1", "orchestrator", f"{DOOR}/GetDocument")[0] is OK
    assert production.calls("orchestrator-2") == 10
    assert production.calls("orchestrator-1") > 0


def test_no_more_than_twice(production: Mesh) -> None:
    fail(production, ORCHESTRATORS, UNAVAILABLE)
    code, said = production.call("gateway-1", "orchestrator", f"{DOOR}/GetDocument")
    assert (code, said) == (UNAVAILABLE, "as told")
    assert production.calls(*ORCHESTRATORS) == 3


@pytest.mark.parametrize(
    "code",
    [BUSY, grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.NOT_FOUND],
)
def test_other_codes_are_answers(production: Mesh, code: grpc.StatusCode) -> None:
    fail(production, ORCHESTRATORS, code)
    assert production.call("gateway-1", "orchestrator", f"{DOOR}/GetDocument")[0] is code
    assert production.calls(*ORCHESTRATORS) == 1


@pytest.mark.parametrize("method", STREAMS)
def test_streams_are_never_repeated(production: Mesh, method: str) -> None:
    fail(production, ORCHESTRATORS, UNAVAILABLE)
    assert production.call("gateway-1", "orchestrator", f"{DOOR}/{method}")[0] is UNAVAILABLE
    assert production.calls(*ORCHESTRATORS) == 1


def test_calls_to_models_are_never_repeated(production: Mesh) -> None:
    fail(production, OCR, UNAVAILABLE)
    assert production.call("orchestrator-1", "ocr", READ)[0] is UNAVAILABLE
    assert production.calls(*OCR) == 1
    assert production.count("orchestrator-1", r"\|ocr\..*upstream_rq_retry$") == 0


def test_a_pod_that_fails_rests_and_comes_back(production: Mesh) -> None:
    active = r"\|ocr\..*outlier_detection\.ejections_active$"
    # Failures of tests before must not count: an answer of each pod ends its row of them.
    while {READ} != {*production.backends["ocr-1"].calls} & {*production.backends["ocr-2"].calls}:
        assert production.call("orchestrator-1", "ocr", READ)[0] is OK
    production.backends["ocr-1"].failing = UNAVAILABLE
    codes = [production.call("orchestrator-1", "ocr", READ)[0] for _ in range(40)]
    assert 5 <= codes.count(UNAVAILABLE) < 10
    assert production.count("orchestrator-1", active) == 1
    production.forget()
    answered = [production.call("orchestrator-1", "ocr", READ)[1] for _ in range(20)]
    assert set(answered) == {"ocr-2"}
    eventually(lambda: production.call("orchestrator-1", "ocr", READ)[1] == "ocr-1")
    assert production.count("orchestrator-1", active) == 0


def test_half_of_the_pods_stay_whatever_they_answer(production: Mesh) -> None:
    fail(production, OCR, UNAVAILABLE)
    for _ in range(40):
        assert production.call("orchestrator-1", "ocr", READ) == (UNAVAILABLE, "as told")
    production.forget()
    assert production.call("orchestrator-1", "ocr", READ)[0] is OK


def test_a_busy_pod_is_no_failing_one(production: Mesh) -> None:
    eventually(lambda: production.count("orchestrator-1", r"ejections_active$") == 0)
    fail(production, OCR, BUSY)
    for _ in range(30):
        assert production.call("orchestrator-1", "ocr", READ)[0] is BUSY
    assert production.count("orchestrator-1", r"ejections_active$") == 0
    assert production.calls(*OCR) == 30


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds. Raises AssertionError when it does not in a minute."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)

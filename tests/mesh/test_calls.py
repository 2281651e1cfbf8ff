"""What becomes of calls that fail, that hang, and of pods that fail again and again."""

import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from tests.mesh.members import Inside, Member, several
from tests.mesh.mesh import Mesh
from tests.mesh.running import running
from tests.unit.k8s.overlays import overlay

DOOR = "/pagemesh.orchestrator.v1.OrchestratorService"
READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED
ORCHESTRATORS, OCR = ("orchestrator-1", "orchestrator-2"), ("ocr-1", "ocr-2")
STREAMS = ("AnalyzeDocument", "WatchDocument", "SubmitDocument")
POOL = [Member("orchestrator-1", "orchestrator"), *several("ocr", 2, Inside.SIDECAR)]
EJECTED = r"\|ocr\..*outlier_detection\.ejections_enforced_total$"
RESTING = r"\|ocr\..*outlier_detection\.ejections_active$"


def fail(mesh: Mesh, pods: tuple[str, ...], code: grpc.StatusCode | None) -> None:
    for pod in pods:
        mesh.backends[pod].failing = code


def test_short_calls_are_repeated_twice_and_by_another_pod(production: Mesh) -> None:
    fail(production, ORCHESTRATORS[:1], UNAVAILABLE)

    def refused() -> bool:
        said = production.call("gateway-1", "orchestrator", f"{DOOR}/GetDocument")
        assert said == (OK, "orchestrator-2")
        return production.calls("orchestrator-1") > 0

    eventually(refused)


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


def test_four_failures_are_no_reason_to_rest(production: Mesh) -> None:
    failing = production.backends["ocr-1"]
    # An answer ends the row of failures of tests before.
    eventually(lambda: ask_ocr(production) == (OK, "ocr-1"))
    failing.failures.extend([UNAVAILABLE] * 4)
    before = production.count("orchestrator-1", EJECTED)
    eventually(lambda: ask_ocr(production) == (OK, "ocr-1"))
    assert not failing.failures
    assert production.count("orchestrator-1", EJECTED) == before


def test_a_busy_pod_is_no_failing_one(production: Mesh) -> None:
    before = production.count("orchestrator-1", EJECTED)
    fail(production, OCR, BUSY)
    for _ in range(30):
        assert production.call("orchestrator-1", "ocr", READ)[0] is BUSY
    assert production.count("orchestrator-1", EJECTED) == before
    assert production.calls(*OCR) == 30


def test_half_of_the_pods_stay_whatever_they_answer(production: Mesh) -> None:
    fail(production, OCR, UNAVAILABLE)
    for _ in range(40):
        assert production.call("orchestrator-1", "ocr", READ) == (UNAVAILABLE, "as told")
    production.forget()
    assert production.call("orchestrator-1", "ocr", READ)[0] is OK


def test_a_pod_that_fails_rests(tmp_path: Path) -> None:
    """Rests are ten times as long as they should be: none ends while calls are counted."""
    with running(overlay("production"), tmp_path, POOL, hurry=0.1) as mesh:
        codes = fail_until_it_rests(mesh)
        assert codes.count(UNAVAILABLE) == mesh.calls("ocr-1") >= 5
        mesh.forget()
        # Envoy's threads hear of it one after the other.
        eventually(lambda: {ask_ocr(mesh)[1] for _ in range(40)} == {"ocr-2"})
        mesh.forget()
        assert {ask_ocr(mesh) for _ in range(40)} == {(OK, "ocr-2")}
        assert mesh.calls("ocr-1") == 0
        assert mesh.count("orchestrator-1", RESTING) == 1


def test_a_pod_that_has_rested_comes_back(tmp_path: Path) -> None:
    """A rest of 15 s is 1.5 s here."""
    with running(overlay("production"), tmp_path, POOL, hurry=10) as mesh:
        fail_until_it_rests(mesh)
        mesh.forget()
        eventually(lambda: ask_ocr(mesh) == (OK, "ocr-1"))
        eventually(lambda: mesh.count("orchestrator-1", RESTING) == 0)


def fail_until_it_rests(mesh: Mesh) -> list[grpc.StatusCode]:
    """Let a pod fail until its callers' proxy takes notice; what was answered."""
    mesh.backends["ocr-1"].failing = UNAVAILABLE
    codes: list[grpc.StatusCode] = []

    def rests() -> bool:
        codes.append(ask_ocr(mesh)[0])
        return mesh.count("orchestrator-1", EJECTED) > 0

    eventually(rests)
    return codes


def ask_ocr(mesh: Mesh) -> tuple[grpc.StatusCode, str]:
    return mesh.call("orchestrator-1", "ocr", READ)


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds. Raises AssertionError when it does not in a minute."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)

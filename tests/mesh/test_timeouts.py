"""What ends calls that hang; a minute of the policies is a second here."""

from collections.abc import Iterator

import grpc
import pytest

from tests.mesh.members import Inside, Member, several
from tests.mesh.mesh import Mesh
from tests.mesh.running import running
from tests.unit.k8s.overlays import overlay

HURRY = 60
# What gRPC may add to a deadline when it tells it in whole milliseconds, and how clocks differ.
ROUNDED = 0.01
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"
WATCH = "/pagemesh.orchestrator.v1.OrchestratorService/WatchDocument"
READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
ORCHESTRATORS = ("orchestrator-1", "orchestrator-2")
ENDED = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    members = [
        Member("gateway-1", "gateway"),
        *several("orchestrator", 2, Inside.BACKEND),
        Member("ocr-1", "ocr", Inside.SIDECAR),
    ]
    folder = tmp_path_factory.mktemp("hurried")
    with running(overlay("production"), folder, members, hurry=HURRY) as mesh:
        yield mesh


@pytest.fixture(autouse=True)
def _hang(hurried: Mesh) -> None:
    hurried.forget()
    for backend in hurried.backends.values():
        backend.hanging.set()


def test_a_models_call_without_a_deadline_gets_the_routes(hurried: Mesh) -> None:
    """Whoever looks at the clock first ends it: the proxy, or who heard of the deadline from it."""
    code, _ = hurried.call("orchestrator-1", "ocr", READ, timeout=None)
    assert code in ENDED
    (remaining,) = hurried.backends["ocr-1"].remaining
    assert remaining is not None
    assert remaining <= 180 / HURRY + ROUNDED


def test_a_callers_own_deadline_passes_all_proxies(hurried: Mesh) -> None:
    assert hurried.call("orchestrator-1", "ocr", READ, timeout=0.5)[0] in ENDED
    (remaining,) = hurried.backends["ocr-1"].remaining
    assert remaining is not None
    assert remaining <= 0.5 + ROUNDED


def test_a_short_call_is_taken_to_another_pod_when_one_hangs(hurried: Mesh) -> None:
    hurried.backends["orchestrator-2"].hanging.clear()
    for _ in range(4):
        code, said = hurried.call("gateway-1", "orchestrator", GET, timeout=None)
        assert (code, said) == (grpc.StatusCode.OK, "orchestrator-2")
    hanging = hurried.backends["orchestrator-1"]
    assert len(hanging.calls) > 0
    assert all(left is not None and left <= 10 / HURRY + ROUNDED for left in hanging.remaining)


def test_a_short_call_that_hangs_everywhere_ends(hurried: Mesh) -> None:
    assert hurried.call("gateway-1", "orchestrator", GET, timeout=None)[0] in ENDED
    assert 2 <= hurried.calls(*ORCHESTRATORS) <= 3


def test_streams_have_no_deadline_but_their_callers(hurried: Mesh) -> None:
    for backend in hurried.backends.values():
        backend.hanging.clear()
    assert hurried.call("gateway-1", "orchestrator", WATCH, timeout=None)[0] is grpc.StatusCode.OK
    told = [left for name in ORCHESTRATORS for left in hurried.backends[name].remaining]
    assert told == [None]

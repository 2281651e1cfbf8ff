"""What ends calls that hang, in a fraction of the policies' time."""

import threading
from collections.abc import Iterator

import grpc
import pytest

from tests.mesh.members import Inside, Member, several
from tests.mesh.mesh import Mesh
from tests.mesh.running import running
from tests.mesh.test_calls import eventually
from tests.unit.k8s.overlays import overlay

# A minute of a model's policy is three seconds here, one of the orchestrator's twenty.
MODELS_HURRY, DOORS_HURRY = 20, 3
# What gRPC may add to a deadline when it tells it in whole milliseconds, and how clocks differ.
ROUNDED = 0.01
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"
WATCH = "/pagemesh.orchestrator.v1.OrchestratorService/WatchDocument"
READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
ORCHESTRATORS = ("orchestrator-1", "orchestrator-2")
OK = grpc.StatusCode.OK


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    members = [Member("orchestrator-1", "orchestrator"), Member("ocr-1", "ocr", Inside.SIDECAR)]
    folder = tmp_path_factory.mktemp("model")
    with running(overlay("production"), folder, members, hurry=MODELS_HURRY) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    members = [Member("gateway-1", "gateway"), *several("orchestrator", 2, Inside.BACKEND)]
    folder = tmp_path_factory.mktemp("doors")
    with running(overlay("production"), folder, members, hurry=DOORS_HURRY) as mesh:
        yield mesh


def hang(mesh: Mesh, *pods: str) -> None:
    mesh.forget()
    for pod in pods:
        mesh.backends[pod].hanging.set()


def ends(mesh: Mesh, caller: str, service: str, method: str) -> None:
    """A call that hangs ends by its route's time.

    The caller's proxy says UNAVAILABLE when it looks at the clock first. Proxies and servers behind
    it heard from it how long there is, and say DEADLINE_EXCEEDED when they are first.
    """
    timeouts = rf"^cluster\.outbound.*\|{service}\..*upstream_rq_timeout$"
    before = mesh.count(caller, timeouts)
    code, _ = mesh.call(caller, service, method, timeout=None)
    own = mesh.count(caller, timeouts) - before
    assert (code, own) in (
        (grpc.StatusCode.UNAVAILABLE, 1),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 0),
    )


def test_a_models_call_without_a_deadline_gets_the_routes(model: Mesh) -> None:
    hang(model, "ocr-1")
    ends(model, "orchestrator-1", "ocr", READ)
    (remaining,) = model.backends["ocr-1"].remaining
    assert remaining is not None
    assert remaining <= 180 / MODELS_HURRY + ROUNDED
    eventually(lambda: model.backends["ocr-1"].left == 1)


def test_a_callers_own_deadline_passes_all_proxies(model: Mesh) -> None:
    hang(model, "ocr-1")
    backend, own = model.backends["ocr-1"], 0.9 * 180 / MODELS_HURRY
    said: list[tuple[grpc.StatusCode, str]] = []
    caller = threading.Thread(
        target=lambda: said.append(model.call("orchestrator-1", "ocr", READ, timeout=own))
    )
    caller.start()
    eventually(lambda: len(backend.remaining) == 1)
    backend.hanging.clear()
    caller.join()
    assert said == [(OK, "ocr-1")]
    (remaining,) = backend.remaining
    assert remaining is not None
    assert remaining <= own + ROUNDED


def test_a_short_call_is_taken_to_another_pod_when_one_hangs(doors: Mesh) -> None:
    hang(doors, "orchestrator-1")
    hanging = doors.backends["orchestrator-1"]

    def hung() -> bool:
        said = doors.call("gateway-1", "orchestrator", GET, timeout=None)
        assert said == (OK, "orchestrator-2")
        return len(hanging.calls) > 0

    eventually(hung)
    longest = 10 / DOORS_HURRY + ROUNDED
    assert all(left is not None and left <= longest for left in hanging.remaining)


def test_a_short_call_that_hangs_everywhere_is_tried_three_times(doors: Mesh) -> None:
    hang(doors, *ORCHESTRATORS)
    ends(doors, "gateway-1", "orchestrator", GET)
    assert doors.calls(*ORCHESTRATORS) == 3


def test_streams_have_no_deadline_but_their_callers(doors: Mesh) -> None:
    hang(doors)
    assert doors.call("gateway-1", "orchestrator", WATCH, timeout=None)[0] is OK
    told = [left for name in ORCHESTRATORS for left in doors.backends[name].remaining]
    assert told == [None]

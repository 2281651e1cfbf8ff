"""Every pod of a deployable is replaced while calls never pause: none is lost.

The processes are the real ones, ended as the manifests say; what a kubelet and istiod would do
between them is `tests.mesh.rollout`. No call is repeated by anybody: one lost would be seen.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from PIL import Image

from orchestrator.testing import tiff
from pagemesh.common.v1.page_pb2 import EncodedImage, Page
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewPageRequest
from pagemesh.deskew.v1.deskew_service_pb2_grpc import DeskewServiceStub
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from scripts.manifests.objects import Objects
from tests.mesh.members import INGRESS, Inside, Member, several
from tests.mesh.mesh import Mesh
from tests.mesh.rollout import Load, rollout
from tests.mesh.test_ingress import get
from tests.mesh.test_trace import PARTS, no_signatures
from tests.unit.k8s.overlays import composed

CALLERS = 3
COLLECTOR = Member("collector-1", "otel-collector", Inside.COLLECTOR)
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """What of production stands without stores."""
    return composed(tmp_path_factory.mktemp("overlay") / "made", *PARTS)


@contextmanager
def loaded(call: Callable[[int], str]) -> Iterator[Load]:
    """A load of which every answer must be `OK`."""
    callers = [lambda number=number: call(number) for number in range(CALLERS)]
    with Load(callers) as load:
        yield load
    assert set(load.answers) == {"OK"}
    assert load.answers.total() > 10 * CALLERS


@pytest.mark.timeout(600)
def test_a_model_with_its_sidecar(objects: Objects, tmp_path: Path) -> None:
    """A Deployment: a new pod is ready before an old one goes."""
    members = [
        COLLECTOR,
        Member("orchestrator-1", "orchestrator"),
        *several("deskew", 4, Inside.MODEL),
    ]
    with rollout(objects, tmp_path, members, "deskew") as made:
        made.come("collector-1", "orchestrator-1", "deskew-1", "deskew-2")
        address = made.mesh.virtual("orchestrator-1", "deskew")
        channels = [grpc.insecure_channel(f"ipv4:{address}", OPTIONS) for _ in range(CALLERS)]
        with loaded(lambda number: _deskew(channels[number])) as load:
            for old, new in (("deskew-1", "deskew-3"), ("deskew-2", "deskew-4")):
                made.come(new)
                load.wait_for_rounds(2)
                made.go(old, load)
        for channel in channels:
            channel.close()


@pytest.mark.timeout(600)
def test_the_orchestrator(objects: Objects, tmp_path: Path) -> None:
    """A StatefulSet: a pod goes and comes back under its name, with its volume."""
    members = [
        COLLECTOR,
        Member("gateway-1", "gateway"),
        Member("deskew-1", "deskew", Inside.MODEL),
        Member("signature-1", "signature", Inside.SIDECAR),
        *several("orchestrator", 2, Inside.ORCHESTRATOR),
    ]
    with rollout(objects, tmp_path, members, "orchestrator") as made:
        made.come(*(member.name for member in members))
        made.mesh.backends["signature-1"].answer = no_signatures
        address = made.mesh.virtual("gateway-1", "orchestrator")
        channels = [grpc.insecure_channel(f"ipv4:{address}", OPTIONS) for _ in range(CALLERS)]
        with loaded(lambda number: _analyze(channels[number])) as load:
            for pod in ("orchestrator-2", "orchestrator-1"):
                made.go(pod, load)
                made.come(pod)
                load.wait_for_rounds(2)
        for channel in channels:
            channel.close()


@pytest.mark.timeout(600)
def test_the_gateway(objects: Objects, tmp_path: Path) -> None:
    """A Deployment behind the ingress, asked by REST; each answer is the orchestrator's own."""
    members = [
        COLLECTOR,
        INGRESS,
        Member("orchestrator-1", "orchestrator", Inside.ORCHESTRATOR),
        *several("gateway", 4, Inside.GATEWAY),
    ]
    with rollout(objects, tmp_path, members, "gateway") as made:
        made.come("collector-1", "ingress", "orchestrator-1", "gateway-1", "gateway-2")
        with loaded(lambda _: _pipelines(made.mesh)) as load:
            for old, new in (("gateway-1", "gateway-3"), ("gateway-2", "gateway-4")):
                made.come(new)
                load.wait_for_rounds(2)
                made.go(old, load)


def _deskew(channel: Any) -> str:
    file = io.BytesIO()
    Image.new("L", (200, 280), 255).save(file, "PNG")
    page = Page(page_id="a", encoded=EncodedImage(data=file.getvalue()))
    stub: Any = DeskewServiceStub(channel)
    try:
        answer = stub.DeskewPage(DeskewPageRequest(page=page), timeout=100)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    return "OK" if answer.page_id == "a" else str(answer)


def _analyze(channel: Any) -> str:
    spec = pb.DocumentSpec(pipeline="signatures")
    requests = [pb.AnalyzeDocumentRequest(spec=spec), pb.AnalyzeDocumentRequest(chunk=tiff(1))]
    stub: Any = OrchestratorServiceStub(channel)
    try:
        events = list(stub.AnalyzeDocument(iter(requests), timeout=100))
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    (page,) = [event.page for event in events if event.WhichOneof("event") == "page"]
    return page.error.message if page.HasField("error") else "OK"


def _pipelines(mesh: Mesh) -> str:
    answer = get(mesh, "/v1/pipelines")
    found = answer.status == 200 and '"signatures"' in answer.body
    return "OK" if found else f"{answer.status} {answer.body}"

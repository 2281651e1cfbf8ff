"""The real orchestrator and models, two Envoys and a sidecar a hop: one trace, no retries twice."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from orchestrator.testing import tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from pagemesh.signature.v1 import signature_service_pb2 as signature_pb
from tests.mesh.collector import Collector, Span
from tests.mesh.members import Inside, Member
from tests.mesh.mesh import Mesh
from tests.mesh.running import ROOT, running
from tests.mesh.test_calls import eventually
from tests.unit.k8s.overlays import composed

SAMPLE = ROOT / "samples" / "ticked_and_signed.png"
# What of production stands without Kafka.
PARTS = ("components/istio", "components/observability", "wiring")
MODELS = ("deskew", "checkbox")
MEMBERS = [
    Member("gateway-1", "gateway"),
    *(Member(f"{name}-1", name, Inside.MODEL) for name in MODELS),
    Member("signature-1", "signature", Inside.SIDECAR),
    Member("orchestrator-1", "orchestrator", Inside.ORCHESTRATOR),
    Member("collector-1", "otel-collector", Inside.COLLECTOR),
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = tmp_path_factory.mktemp("traced")
    with running(composed(folder / "overlay", *PARTS), folder, MEMBERS) as mesh:
        yield mesh


def analyze(mesh: Mesh, content: bytes, request_id: str, pipeline: str) -> list[PageResult]:
    """Send a document as the gateway would; its pages."""
    spec = pb.DocumentSpec(request_id=request_id, pipeline=pipeline)
    requests = [pb.AnalyzeDocumentRequest(spec=spec), pb.AnalyzeDocumentRequest(chunk=content)]
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(
        f"ipv4:{mesh.virtual('gateway-1', 'orchestrator')}", options
    ) as channel:
        untyped: Any = channel  # the stubs' types know asyncio's channels alone
        stub: Any = OrchestratorServiceStub(untyped)
        events = list(stub.AnalyzeDocument(iter(requests), timeout=100))
    return [event.page for event in events if event.WhichOneof("event") == "page"]


def above(span: Span, spans: dict[str, Span]) -> Iterator[Span]:
    """A span and those that it is part of, to the first."""
    while True:
        yield span
        if span.parent_id not in spans:
            return
        span = spans[span.parent_id]


def whole(collector: Collector, model: str) -> list[list[Span]]:
    """The ways from a model's spans to a first span without a parent."""
    spans = {span.span_id: span for span in collector.spans}
    ways = [list(above(span, spans)) for span in spans.values() if span.service == model]
    return [way for way in ways if not way[-1].parent_id]


@pytest.mark.timeout(200)
def test_a_trace_is_one_through_every_proxy(mesh: Mesh) -> None:
    (page,) = analyze(mesh, SAMPLE.read_bytes(), "traced", "checkboxes")
    assert not page.HasField("error"), page.error
    collector = mesh.collector
    assert collector is not None
    for model in MODELS:
        eventually(lambda model=model: bool(whole(collector, model)))  # type: ignore[misc]
        way = max(whole(collector, model), key=len)
        passed = [span.service for span in way]
        order = list(dict.fromkeys(passed))
        assert order == [
            *(model, f"{model}-sidecar", f"{model}.pagemesh"),
            *("orchestrator.pagemesh", "orchestrator", "gateway.pagemesh"),
        ]
        # The orchestrator's proxy is passed twice: with the document, and with the page.
        assert passed.count("orchestrator.pagemesh") == 2
        assert len({span.trace_id for span in way}) == 1


def test_a_failing_model_is_asked_as_often_as_the_orchestrator_says(mesh: Mesh) -> None:
    backend = mesh.backends["signature-1"]
    backend.answer = no_signatures
    backend.failures.extend([grpc.StatusCode.UNAVAILABLE] * 2)
    (page,) = analyze(mesh, tiff(1), "repeated", "signatures")
    (step,) = [one for one in page.steps if one.step == "signature"]
    assert (step.attempts, len(backend.calls)) == (3, 3)


def no_signatures(request: bytes) -> bytes:
    page = signature_pb.DetectSignaturesRequest.FromString(request).page
    result = signature_pb.SignatureResult()
    made = signature_pb.DetectSignaturesResponse(page_id=page.page_id, result=result)
    return made.SerializeToString()


def test_failing_calls_are_logged_and_others_are_not(mesh: Mesh) -> None:
    eventually(lambda: mesh.access_log("signature-1").count("DetectSignatures") == 2)
    assert "DeskewPage" not in mesh.access_log("deskew-1")

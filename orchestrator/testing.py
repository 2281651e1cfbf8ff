"""For tests: an orchestrator over real gRPC, and five models that answer what a test wants."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from PIL import Image

from meshkit.client import open_channel
from meshkit.interceptors import Context
from meshkit.server import MeshServer
from meshkit.testing import running_server
from orchestrator.app import create_orchestrator
from orchestrator.config import MODELS, OrchestratorConfig
from pagemesh.checkbox.v1 import checkbox_service_pb2 as checkbox_pb
from pagemesh.checkbox.v1 import checkbox_service_pb2_grpc as checkbox_grpc
from pagemesh.classify.v1 import classify_service_pb2 as classify_pb
from pagemesh.classify.v1 import classify_service_pb2_grpc as classify_grpc
from pagemesh.common.v1.geometry_pb2 import Point, Quad, UprightTransform
from pagemesh.common.v1.model_pb2 import InferenceCost, ModelIdentity
from pagemesh.common.v1.page_pb2 import Page
from pagemesh.deskew.v1 import deskew_service_pb2 as deskew_pb
from pagemesh.deskew.v1 import deskew_service_pb2_grpc as deskew_grpc
from pagemesh.ocr.v1 import ocr_service_pb2 as ocr_pb
from pagemesh.ocr.v1 import ocr_service_pb2_grpc as ocr_grpc
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import Document, PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from pagemesh.signature.v1 import signature_service_pb2 as signature_pb
from pagemesh.signature.v1 import signature_service_pb2_grpc as signature_grpc

Answer = Callable[[Any, "FakeModel"], Awaitable[Message]]
"""Makes a model's `result` for a request; may wait, and may raise."""


def quad(left: float, top: float, right: float, bottom: float) -> Quad:
    """An upright quad."""
    return Quad(
        top_left=Point(x=left, y=top),
        top_right=Point(x=right, y=top),
        bottom_right=Point(x=right, y=bottom),
        bottom_left=Point(x=left, y=bottom),
    )


def page_size(page: Page) -> tuple[int, int]:
    """Width and height of a page sent raw or by reference."""
    raw = page.raw if page.WhichOneof("content") == "raw" else page.reference.raw_layout
    return raw.width, raw.height


@dataclass
class FakeModel:
    """One model.

    Attributes:
        answer: makes the result.
        response: builds the response message around it.
        pages: ids of the pages that it was asked about, in order, repeats included.
        requests: the requests.
        time_remaining: seconds that each call had left when it came in; None for no deadline.
        dropped: ids of pages whose calls were cancelled.
        at_work: calls in work now; `most_at_work`: at most so far.
    """

    name: str
    answer: Answer
    response: Callable[..., Any]
    pages: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    time_remaining: list[float | None] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    at_work: int = 0
    most_at_work: int = 0

    async def serve(self, request: Any, context: Context) -> Any:
        """Answer a call."""
        self.pages.append(request.page.page_id)
        self.requests.append(request)
        self.time_remaining.append(context.time_remaining())
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            result = await self.answer(request, self)
        except asyncio.CancelledError:
            self.dropped.append(request.page.page_id)
            raise
        finally:
            self.at_work -= 1
        if result.DESCRIPTOR is self.response().DESCRIPTOR:
            return result
        return self.response(
            page_id=request.page.page_id,
            result=result,
            model=ModelIdentity(name=self.name, version="1.0.0", digest="sha256:00", device="cpu"),
            cost=InferenceCost(batch_size=1),
        )


async def _deskew(request: Any, _model: FakeModel) -> Message:
    width, height = page_size(request.page)
    upright = UprightTransform(matrix=[1, 0, 0, 0, 1, 0, 0, 0, 1], width=width, height=height)
    return deskew_pb.DeskewResult(
        orientation=deskew_pb.ORIENTATION_UP,
        upright_transform=upright,
        quality=deskew_pb.PageQuality(blur=0.1, contrast=0.9),
    )


async def _classify(_request: Any, _model: FakeModel) -> Message:
    scores = [classify_pb.ClassScore(label="application_form", score=0.9)]
    return classify_pb.ClassifyResult(
        label="application_form", score=0.9, threshold=0.5, scores=scores
    )


async def _ocr(_request: Any, _model: FakeModel) -> Message:
    words = [
        ocr_pb.Word(text="Name:", quad=quad(10, 10, 60, 25), confidence=0.9),
        ocr_pb.Word(text="Ann", quad=quad(66, 10, 96, 25), confidence=0.8),
    ]
    line = ocr_pb.TextLine(
        text="Name: Ann", quad=quad(10, 10, 96, 25), confidence=0.85, words=words
    )
    return ocr_pb.OcrResult(lines=[line], engine=ocr_pb.OCR_ENGINE_PPOCR)


async def _checkbox(_request: Any, _model: FakeModel) -> Message:
    box = checkbox_pb.Checkbox(
        quad=quad(10, 40, 20, 50), checked=True, score=0.9, checked_score=0.95
    )
    return checkbox_pb.CheckboxResult(checkboxes=[box])


async def _signature(_request: Any, _model: FakeModel) -> Message:
    signature = signature_pb.Signature(quad=quad(10, 60, 90, 80), score=0.8)
    return signature_pb.SignatureResult(signatures=[signature])


_ANSWERS: dict[str, tuple[Answer, Callable[..., Any]]] = {
    "deskew": (_deskew, deskew_pb.DeskewPageResponse),
    "classify": (_classify, classify_pb.ClassifyPageResponse),
    "ocr": (_ocr, ocr_pb.RecognizePageResponse),
    "checkbox": (_checkbox, checkbox_pb.DetectCheckboxesResponse),
    "signature": (_signature, signature_pb.DetectSignaturesResponse),
}


class FakeMesh:
    """Five fake models as one `meshkit.server.Application`.

    Attributes:
        models: by noun; set a model's `answer` to make it slow, wrong or failing.
    """

    service_names: Sequence[str] = ()

    def __init__(self) -> None:
        self.models = {name: FakeModel(name, *_ANSWERS[name]) for name in MODELS}

    def __getitem__(self, name: str) -> FakeModel:
        return self.models[name]

    def add_to_server(self, server: Any) -> None:
        """Register the five services, their unary methods only."""
        deskew = type("Deskew", (deskew_grpc.DeskewServiceServicer,), {})
        classify = type("Classify", (classify_grpc.ClassifyServiceServicer,), {})
        ocr = type("Ocr", (ocr_grpc.OcrServiceServicer,), {})
        checkbox = type("Checkbox", (checkbox_grpc.CheckboxServiceServicer,), {})
        signature = type("Signature", (signature_grpc.SignatureServiceServicer,), {})
        servicers: list[tuple[Any, str, str, Callable[[Any, Any], None]]] = [
            (deskew, "deskew", "DeskewPage", deskew_grpc.add_DeskewServiceServicer_to_server),
            (
                classify,
                "classify",
                "ClassifyPage",
                classify_grpc.add_ClassifyServiceServicer_to_server,
            ),
            (ocr, "ocr", "RecognizePage", ocr_grpc.add_OcrServiceServicer_to_server),
            (
                checkbox,
                "checkbox",
                "DetectCheckboxes",
                checkbox_grpc.add_CheckboxServiceServicer_to_server,
            ),
            (
                signature,
                "signature",
                "DetectSignatures",
                signature_grpc.add_SignatureServiceServicer_to_server,
            ),
        ]
        for servicer_class, name, method, add in servicers:
            servicer = servicer_class()
            setattr(servicer, method, self.models[name].serve)
            add(servicer, server)

    async def start(self) -> None:
        """Nothing to load."""

    async def stop(self) -> None:
        """Nothing to free."""


@dataclass
class Analysis:
    """What AnalyzeDocument or WatchDocument sent.

    Attributes:
        documents: the document at every change of its state.
        pages: the pages by number.
    """

    documents: list[Document] = field(default_factory=list)
    pages: dict[int, PageResult] = field(default_factory=dict)

    @property
    def document(self) -> Document:
        """The last state."""
        return self.documents[-1]

    def add(self, event: Any) -> None:
        """Take an event of either stream."""
        if event.WhichOneof("event") == "document":
            self.documents.append(event.document)
        else:
            self.pages[event.page.page_number] = event.page


@dataclass(frozen=True)
class RunningOrchestrator:
    """An orchestrator that listens, and its fake models.

    Attributes:
        stub: a client.
        mesh: the models.
        server: the orchestrator's server, to drain it.
        address: where it listens.
        config: its configuration.
    """

    stub: OrchestratorServiceStub
    mesh: FakeMesh
    server: MeshServer
    address: str
    config: OrchestratorConfig

    async def analyze(self, content: bytes, *, within: float = 60, **spec: Any) -> Analysis:
        """Analyze a document to its end; `within` is the call's deadline in seconds."""
        call = self.start(content, within=within, **spec)
        analysis = Analysis()
        async for event in call:
            analysis.add(event)
        return analysis

    def start(self, content: bytes, *, within: float = 60, **spec: Any) -> Any:
        """Begin to analyze a document; returns the call."""
        return self.stub.AnalyzeDocument(analyze_requests(content, **spec), timeout=within)

    async def watch(self, request_id: str, *, within: float = 60) -> Analysis:
        """Watch a document to its end."""
        analysis = Analysis()
        request = pb.WatchDocumentRequest(request_id=request_id)
        async for event in self.stub.WatchDocument(request, timeout=within):
            analysis.add(event)
        return analysis


async def analyze_requests(
    content: bytes, chunk_bytes: int = 65_536, **spec: Any
) -> AsyncIterator[pb.AnalyzeDocumentRequest]:
    """The requests that upload a document."""
    yield pb.AnalyzeDocumentRequest(spec=pb.DocumentSpec(**spec))
    for start in range(0, len(content), chunk_bytes):
        yield pb.AnalyzeDocumentRequest(chunk=content[start : start + chunk_bytes])


@contextlib.asynccontextmanager
async def running_orchestrator(
    state_dir: Path, *, down: Collection[str] = (), **config: Any
) -> AsyncIterator[RunningOrchestrator]:
    """An orchestrator and five fake models, each on a port of 127.0.0.1.

    Args:
        state_dir: for its document store.
        down: nouns of models at whose addresses nobody listens.
        config: further knobs.
    """
    mesh = FakeMesh()
    settings = OrchestratorConfig(state_dir=state_dir, **config)
    async with running_server(mesh) as models, open_channel("127.0.0.1:1") as nobody:
        channels = {name: nobody if name in down else models.channel for name in MODELS}
        application = create_orchestrator(settings, channels)
        async with running_server(application, settings) as server:
            stub = OrchestratorServiceStub(server.channel)
            yield RunningOrchestrator(stub, mesh, server.server, server.address, settings)


def tiff(pages: int, *, width: int = 200, height: int = 280) -> bytes:
    """A TIFF of this many grey pages, every one another."""
    images = [Image.new("L", (width, height), 255 - number % 100) for number in range(pages)]
    file = io.BytesIO()
    images[0].save(file, "TIFF", save_all=True, append_images=images[1:], dpi=(72, 72))
    return file.getvalue()

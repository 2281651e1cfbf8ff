"""What is fuzzed. A target takes any bytes; what it raises is a finding.

Each knows the errors that its reader may raise: those that a client, or an operator, is told.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Request
from google.protobuf.message import DecodeError

from gateway.config import GatewayConfig
from gateway.problems import HttpProblem
from gateway.requests import received
from gateway.uploads import Incoming
from meshkit.errors import Internal, PagemeshError
from meshkit.images import PageLimits, open_page
from orchestrator.breaker import BreakerPolicy
from orchestrator.catalog import PipelineCatalog
from orchestrator.config import MODELS, SHIPPED_PIPELINES
from orchestrator.documents import kinds, protocol
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import WorkerPool, open_document
from orchestrator.documents.fault import Fault
from orchestrator.documents.images import ImagePages
from orchestrator.documents.pages import Bounds
from orchestrator.forms.definition import InvalidForm, read_definition
from orchestrator.models import Models
from orchestrator.orders import OrderDesk, fingerprint
from orchestrator.page_selection import PageSelection
from orchestrator.pipeline_file import Available, read_pipeline
from orchestrator.sources.claims import Claim
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.intake import Case, Intake
from orchestrator.sources.letters import Incoming as KafkaRecord
from orchestrator.stages.registry import StageRegistry
from pagemesh.common.v1.page_pb2 import Page
from pagemesh.kafka.codec import Codec
from pagemesh.kafka.contracts import CONTRACTS, versions
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import SubmitDocumentRequest
from tests.fuzz import seeds

BOUNDARY = b"pagemesh"
_BOUNDS = Bounds(20, 2_000_000, 8_000, 14_400.0, 72)
_LIMITS = DocumentLimits(max_pages=20, max_page_pixels=2_000_000, open_timeout_s=10)


class Target(NamedTuple):
    """Something that reads bytes.

    Attributes:
        run: reads them.
        seeds: bytes that it understands, to begin from.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def images(content: bytes) -> None:
    """Pictures, as the opener's worker reads them, but in this process."""
    media_type = kinds.media_type(content[: kinds.HEAD_BYTES])
    if media_type is None or media_type == kinds.PDF:
        kinds.describe(content[: kinds.HEAD_BYTES])
        return
    with _file(content) as path, contextlib.suppress(Fault, MemoryError):
        pages = ImagePages(path, media_type, _BOUNDS)
        try:
            for number in range(1, min(pages.count, 3) + 1):
                with contextlib.suppress(Fault):
                    pages.shape(number, 0)
                    pages.render(number, 0)
        finally:
            pages.close()


def opener(content: bytes) -> None:
    """Any document, by the opener and its worker."""

    async def read() -> None:
        workers = WorkerPool(_LIMITS)  # not started: it keeps no spare
        with _file(content) as path:
            document = await open_document(path, limits=_LIMITS, workers=workers)
            async with document:
                for number in range(1, min(document.page_count, 2) + 1):
                    await document.render(number, 72)

    _refused_at_most(lambda: asyncio.run(read()))


def answers(content: bytes) -> None:
    """What a worker answers that a document has taken over."""
    with contextlib.suppress(ValueError):
        protocol.decode(content)


def requests(content: bytes) -> None:
    """A request of the gRPC door, from its bytes to its order."""
    try:
        request = SubmitDocumentRequest.FromString(content)
    except DecodeError:
        return

    def check() -> None:
        _desk().check(request.spec, has_content=bool(request.content))
        fingerprint(request.spec, "text", "")
        PageSelection(request.spec.pages).numbers(10)

    _refused_at_most(check)


def pages(content: bytes) -> None:
    """A page as models take it, from its bytes to its pixels."""
    try:
        page = Page.FromString(content)
    except DecodeError:
        return
    limits = PageLimits(max_pixels=2_000_000, max_bytes=10_000_000, roots=(Path("/nowhere"),))
    _refused_at_most(lambda: open_page(page, limits).decode())


def records(content: bytes) -> None:
    """A record of Kafka: by the contract and the schema that its first bytes choose."""
    codec, contract = _codec(), CONTRACTS[content[0] % len(CONTRACTS) if content else 0]
    with contextlib.suppress(PagemeshError):
        codec.decode(contract, content[1:])

    async def take() -> None:
        case = Case(KafkaRecord("requests", 0, 0, b"key", content[1:]))
        intake = Intake(KafkaSettings(), _desk(), _Claims(), codec)
        await intake.check(case, await intake.decode(case))

    _refused_at_most(lambda: asyncio.run(take()))


def pipelines(content: bytes) -> None:
    """A pipeline's definition: every mistake is told, none is raised."""
    pipeline, problems = read_pipeline("fuzzed.yaml", content, _available())
    if (pipeline is None) != bool(problems):
        raise AssertionError(f"{pipeline} with {problems}")


def forms(content: bytes) -> None:
    """A form's definition."""
    with contextlib.suppress(InvalidForm):
        read_definition("fuzzed.yaml", content)


def uploads(content: bytes) -> None:
    """A body of REST: a form when the first byte is odd, else JSON."""
    is_form = bool(content) and content[0] % 2 == 1
    kind = b"multipart/form-data; boundary=" + BOUNDARY if is_form else b"application/json"
    body = content[1:]
    middle = len(body) // 2

    async def receive() -> dict[str, Any]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def take(folder: Path) -> None:
        scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind)]}
        config = GatewayConfig(state_dir=folder, max_upload_bytes=100_000)
        async with received(Request(scope, receive), config, _Nowhere()):
            pass

    parts = [body[:middle], body[middle:]]
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(HttpProblem):
        _refused_at_most(lambda: asyncio.run(take(Path(folder))))


TARGETS = {
    "answers": Target(answers, seeds.answers),
    "forms": Target(forms, seeds.forms),
    "images": Target(images, seeds.images),
    "opener": Target(opener, seeds.documents),
    "pages": Target(pages, seeds.pages),
    "pipelines": Target(pipelines, seeds.pipelines),
    "records": Target(records, seeds.records),
    "requests": Target(requests, seeds.requests),
    "uploads": Target(uploads, lambda: seeds.uploads(BOUNDARY)),
}


class _Claims:
    """Every request owns its id."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def claim(self, request_id: str, claim: Claim, *, takes_over: bool) -> Claim:
        del request_id, takes_over
        return claim


class _Nowhere:
    """Keeps no upload."""

    root = "file:///nowhere"

    async def keep(self, incoming: Incoming) -> str:
        await incoming.finish()
        return f"{self.root}/kept"

    async def discard(self, location: str) -> None:
        del location

    async def erase(self, location: str) -> None:
        del location

    async def sweep(self, before: float) -> None:
        del before


class _OfflineCodec(Codec):
    """Knows every version of every contract by a number, without a registry."""

    def _schema(self, schema_id: int) -> Any:
        known = [schema for contract in CONTRACTS for schema in versions(contract)]
        return known[schema_id % len(known)]


class _NoChannel:
    def __getattr__(self, name: str) -> object:
        return lambda *_args, **_kwargs: None


@cache
def _codec() -> Codec:
    return _OfflineCodec("http://127.0.0.1:1")


@cache
def _available() -> Available:
    return Available(
        StageRegistry(), Models({name: _NoChannel() for name in MODELS}, BreakerPolicy())
    )


@cache
def _desk() -> OrderDesk:
    catalog = PipelineCatalog([SHIPPED_PIPELINES], _available(), "text")
    catalog.load()
    return OrderDesk(catalog, DocumentLimits())


@contextlib.contextmanager
def _file(content: bytes) -> Any:
    with tempfile.NamedTemporaryFile(prefix="fuzz-") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _refused_at_most(act: Callable[[], object]) -> None:
    """What is refused is refused with a reason; what is our own fault is a finding."""
    try:
        act()
    except Internal:
        raise
    except PagemeshError as error:
        if not error.reason or not error.message:
            raise

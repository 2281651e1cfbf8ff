"""The gateway as a client sees it: what `AsyncClient` does, by REST."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from meshkit.errors import (
    Conflict,
    DeadlineExceeded,
    DependencyUnavailable,
    Forbidden,
    Internal,
    InvalidInput,
    NotFound,
    Overloaded,
    PagemeshError,
    TooLarge,
)
from pagemesh.corrections import Corrections, Field, corrections_of, request_of
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.sources import How, Source, open_source, spec_of

DOCUMENTS = "/v1/documents"
CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0
SILENT_SECONDS = 60.0
"""A stream of events on which nothing comes for so long is begun again."""

_PAUSE_SECONDS = 1.0
_LONGEST_LINE = 1 << 20
_ERRORS: Mapping[int, type[PagemeshError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: TooLarge,
    429: Overloaded,
    503: DependencyUnavailable,
    504: DeadlineExceeded,
}
_STATES = {
    "queued": documents.DOCUMENT_STATE_QUEUED,
    "processing": documents.DOCUMENT_STATE_PROCESSING,
    "ready": documents.DOCUMENT_STATE_SUCCEEDED,
    "partial": documents.DOCUMENT_STATE_PARTIAL,
    "failed": documents.DOCUMENT_STATE_FAILED,
    "cancelled": documents.DOCUMENT_STATE_CANCELLED,
}
_FINAL = frozenset({"ready", "partial", "failed", "cancelled"})

Json = dict[str, Any]
MessageT = TypeVar("MessageT", bound=Message)


class RestGateway:
    """A way to a gateway.

    Args:
        url: `http://host:port` or `https://...`.
        api_key: is sent as a bearer token; empty: none is.
    """

    def __init__(self, url: str, api_key: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections. May be repeated."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def submit(self, source: Source, how: How) -> documents.Document:
        """Send a document; its account as it was taken. Raises PagemeshError."""
        fields = _fields_of(source, how)
        async with open_source(source) as upload:
            if "location" in fields:
                answer = await self._asked("POST", DOCUMENTS, json=fields)
            else:
                form = aiohttp.FormData()
                for name, value in fields.items():
                    text = value if isinstance(value, str) else json.dumps(value)
                    form.add_field(name, text)
                filename = spec_of(source, how).filename or "document"
                form.add_field("file", aiter(upload), filename=filename)
                answer = await self._asked("POST", DOCUMENTS, data=form, timeout=_FOREVER)
        return document_of(answer)

    async def get(self, request_id: str) -> pb.GetDocumentResponse:
        """A document's account and every page of it that is finished. Raises PagemeshError."""
        resource = await self._asked("GET", _path(request_id))
        if resource["status"] in _FINAL:
            result = await self._asked("GET", f"{_path(request_id)}/result?format=json")
            return _parsed(result, pb.GetDocumentResponse())
        whole = pb.GetDocumentResponse(document=document_of(resource))
        for number in range(1, resource["pages"]["total"] + 1):
            page = await self._page(request_id, number)
            if page is not None:
                whole.pages.append(page)
        return whole

    async def watch(self, request_id: str) -> AsyncGenerator[pb.WatchDocumentResponse, None]:
        """The document and its pages, further ones as they come, and its end.

        Raises PagemeshError.
        """
        last, late = "", set[int]()
        while True:
            async for name, event_id, content in self._events(request_id, last):
                last = event_id
                if name == "status":
                    yield pb.WatchDocumentResponse(document=document_of(content))
                elif name == "page":
                    page = await self._page(request_id, content["page_number"])
                    if page is None:  # told before it can be had
                        late.add(content["page_number"])
                    else:
                        yield pb.WatchDocumentResponse(page=page)
                elif name == "done":
                    for number in sorted(late):
                        page = await self._page(request_id, number)
                        if page is not None:
                            yield pb.WatchDocumentResponse(page=page)
                    yield pb.WatchDocumentResponse(document=await self._account(request_id))
                    return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def cancel(self, request_id: str) -> documents.Document:
        """Stop work on a document; its account after that. Raises PagemeshError."""
        return document_of(await self._asked("DELETE", _path(request_id)))

    async def erase(self, request_id: str, client: str = "") -> pb.EraseDocumentResponse:
        """Delete all that is kept of a document. Raises PagemeshError."""
        whose = {"client": client} if client else {}
        answer = await self._asked("POST", f"{_path(request_id)}/erase", params=whose)
        return pb.EraseDocumentResponse(
            erasures=[pb.Erasure(**each) for each in answer["erased"]], remains=answer["remains"]
        )

    async def pipelines(self) -> list[pb.Pipeline]:
        """The pipelines that can be asked for. Raises PagemeshError."""
        answer = await self._asked("GET", "/v1/pipelines")
        return [_pipeline_of(each) for each in answer["pipelines"]]

    async def corrections(self, request_id: str) -> Corrections:
        """What people said of a document's fields. Raises PagemeshError."""
        return await self._corrected("GET", request_id)

    async def correct(
        self, request_id: str, values: Mapping[Field, str | None], etag: str
    ) -> Corrections:
        """Correct fields. Raises PagemeshError; Conflict: it is not as `etag` says."""
        return await self._corrected(
            "PATCH", request_id, json=request_of(values), headers={"If-Match": etag}
        )

    async def _corrected(self, method: str, request_id: str, **more: Any) -> Corrections:
        url = f"{self._url}{_path(request_id)}/corrections"
        with self._translated():
            async with self._session().request(method, url, timeout=_PATIENT, **more) as answer:
                await _raise_problem(answer)
                return corrections_of(answer.headers["ETag"], await answer.json())

    async def _account(self, request_id: str) -> documents.Document:
        resource = await self._asked("GET", _path(request_id))
        if "result" in resource:
            return _parsed(resource["result"]["document"], documents.Document())
        return document_of(resource)

    async def _page(self, request_id: str, number: int) -> documents.PageResult | None:
        try:
            answer = await self._asked("GET", f"{_path(request_id)}/pages/{number}")
        except NotFound:
            return None
        return _parsed(answer, documents.PageResult())

    async def _events(self, request_id: str, last: str) -> AsyncIterator[tuple[str, str, Json]]:
        """Events of one connection: name, id, content."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        with self._translated(is_stream=True):
            async with self._session().get(
                f"{self._url}{_path(request_id)}/events", headers=headers, timeout=timeout
            ) as answer:
                await _raise_problem(answer)
                lines: dict[str, str] = {}
                async for raw in answer.content:
                    name, _, value = raw.decode().rstrip("\r\n").partition(": ")
                    if name:
                        lines[name] = value
                    elif "data" in lines:
                        yield lines["event"], lines["id"], json.loads(lines["data"])
                        lines = {}

    async def _asked(self, method: str, path: str, **more: Any) -> Json:
        more.setdefault("timeout", _PATIENT)
        with self._translated():
            async with self._session().request(method, f"{self._url}{path}", **more) as answer:
                await _raise_problem(answer)
                value: Json = await answer.json()
                return value

    @contextlib.contextmanager
    def _translated(self, *, is_stream: bool = False) -> Any:
        """Trouble on the way is a DependencyUnavailable; a stream that was cut off just ends."""
        try:
            yield
        except aiohttp.ClientConnectorError as error:
            raise DependencyUnavailable(
                f"no gateway answers at {self._url}", reason="GATEWAY_UNREACHABLE"
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            if is_stream:
                return
            raise DependencyUnavailable(
                f"the gateway at {self._url} did not answer whole", reason="GATEWAY_UNREACHABLE"
            ) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(headers=self._headers, read_bufsize=_LONGEST_LINE)
        return self._opened


_PATIENT = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)
_FOREVER = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)


def document_of(resource: Json) -> documents.Document:
    """A document's resource as the contract has it."""
    pages = resource["pages"]
    document = documents.Document(
        request_id=resource["id"],
        state=_STATES.get(resource["status"], documents.DOCUMENT_STATE_UNSPECIFIED),
        source=resource["source"],
        pages=documents.PageAccount(
            total=pages["total"], ok=pages["ok"], failed=pages["failed"], skipped=pages["skipped"]
        ),
    )
    document.pipeline.name = resource["pipeline"]
    document.create_time.FromJsonString(resource["created_at"])
    if "error" in resource:
        document.error.message = resource["error"]["detail"]
    return document


def _fields_of(source: Source, how: How) -> Json:
    spec = spec_of(source, how)
    names = ("request_id", "location", "pipeline", "pages", "password", "dpi", "sha256")
    fields = {name: getattr(spec, name) for name in names if getattr(spec, name)}
    if spec.options:
        fields["options"] = dict(spec.options)
    if how.get("priority"):
        fields["priority"] = how["priority"]
    if "timeout" in how:
        fields["timeout"] = how["timeout"]
    return fields


def _path(request_id: str) -> str:
    return f"{DOCUMENTS}/{quote(request_id, safe='')}"


def _parsed(value: Json, message: MessageT) -> MessageT:
    """Protobuf JSON; fields that a newer gateway writes are left out."""
    ParseDict(value, message, ignore_unknown_fields=True)
    return message


def _pipeline_of(shown: Json) -> pb.Pipeline:
    identity = documents.PipelineIdentity(name=shown["name"], version=shown["version"])
    return pb.Pipeline(
        identity=identity,
        description=shown["description"],
        is_default=shown["is_default"],
        steps=[pb.PipelineStep(**step) for step in shown["steps"]],
    )


async def _raise_problem(answer: aiohttp.ClientResponse) -> None:
    if answer.status < 400:
        return
    try:
        problem = await answer.json(content_type=None)
        detail, reason = str(problem["detail"]), str(problem["reason"])
        metadata = {str(k): str(v) for k, v in problem.get("metadata", {}).items()}
    except (ValueError, KeyError, TypeError):
        detail, reason, metadata = f"the gateway answers {answer.status}", "INTERNAL", {}
    kind = _ERRORS.get(answer.status, InvalidInput if answer.status < 500 else Internal)
    after = answer.headers.get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    raise kind(detail, reason=reason, metadata=metadata, retry_after=retry_after)

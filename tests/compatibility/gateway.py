"""A gateway with documents of every kind, to be recorded, and to be found again."""

import asyncio
import contextlib
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import bson
import httpx
from pymongo import AsyncMongoClient

from orchestrator.testing import RunningOrchestrator, running_orchestrator, tiff
from tests.compatibility import frames
from tests.integration.gateway.conftest import RunningGateway, config_of, running_gateway
from tests.integration.processes import hang_after

FILES = {"form.tiff": tiff(2, width=60, height=84), "broken.tiff": b"II*\0"}
ANYWHERE = "file:///ANYWHERE"
"""Stands in recorded files for the folder that they are in."""
COLLECTIONS = ("documents", "pages", "webhooks")
FOR_EVER = 1e9
"""Seconds that documents are kept, so that recorded ones are not too old one day."""
_NOBODY = "http://127.0.0.1:9/hook"

Exchange = dict[str, Any]
"""A request by its `name`, `method`, `path` and what else httpx takes, and its answer."""


@contextlib.asynccontextmanager
async def gateway_before_fakes(
    folder: Path, **knobs: Any
) -> AsyncIterator[tuple[RunningGateway, RunningOrchestrator]]:
    """A gateway whose uploads an orchestrator before fake models may read."""
    async with running_orchestrator(
        folder / "orchestrator", file_roots=(folder / "gateway" / "uploads",)
    ) as running:
        config = config_of(
            folder,
            running.address,
            webhook_hosts=("127.0.0.1:9",),
            webhook_networks=("127.0.0.0/8",),
            webhook_allow_http=True,
            webhook_pause_seconds=3600,
            retention_seconds=FOR_EVER,
            **knobs,
        )
        async with running_gateway(config) as gateway:
            yield gateway, running


async def make_documents(
    gateway: RunningGateway,
    running: RunningOrchestrator,
    recorded: Mapping[str, Exchange] | None = None,
) -> list[Exchange]:
    """`done`, read, corrected, its webhook not taken; `broken`, failed; `cut`, whose end is away.

    Returns what was asked of the gateway meanwhile, and what it answered.

    Args:
        recorded: by name, what was asked long ago, to be asked again as it was.
    """
    conversation = Conversation(gateway.http, recorded or {})
    await conversation.send("done", "form.tiff", options='{"ocr.tier": "fast"}', webhook=_NOBODY)
    await gateway.final("done")
    await _tried(gateway, "done")
    await conversation.ask("webhook", "GET", "/v1/documents/done/webhook")
    before = await conversation.ask("corrections", "GET", "/v1/documents/done/corrections")
    said = [{"page_number": 1, "field_index": 0, "value": "Anna"}]
    await conversation.ask(
        "correct",
        "PATCH",
        "/v1/documents/done/corrections",
        json={"corrections": said},
        headers={"If-Match": before.headers["etag"]},
    )
    await conversation.ask("get", "GET", "/v1/documents/done")
    await conversation.ask("result", "GET", "/v1/documents/done/result?format=json")
    for number in (1, 2):
        await conversation.ask(f"page {number}", "GET", f"/v1/documents/done/pages/{number}")
    await conversation.ask("events", "GET", "/v1/documents/done/events")
    await conversation.send("broken", "broken.tiff")
    await gateway.final("broken")
    await conversation.ask("failed", "GET", "/v1/documents/broken")
    await conversation.ask("failed result", "GET", "/v1/documents/broken/result?format=json")
    await conversation.ask("pipelines", "GET", "/v1/pipelines")
    await conversation.ask("secret", "GET", "/v1/webhook-secret")
    await conversation.ask("unknown", "GET", "/v1/documents/nobody")
    hang_after(running.mesh["ocr"], 1)
    await conversation.send("cut", "form.tiff", webhook=_NOBODY)
    async with asyncio.timeout(60):
        while (await gateway.http.get("/v1/documents/cut/pages/1")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await conversation.ask("processing", "GET", "/v1/documents/cut")
    await conversation.ask("processing page", "GET", "/v1/documents/cut/pages/1")
    await conversation.ask("list", "GET", "/v1/documents")
    return conversation.exchanges


async def _tried(gateway: RunningGateway, document: str) -> None:
    """Wait until a document's webhook was sent in vain."""
    async with asyncio.timeout(60):
        while True:
            answer = await gateway.http.get(f"/v1/documents/{document}/webhook")
            if answer.json()["attempts"]:
                return
            await asyncio.sleep(0.02)


class Conversation:
    """What is asked of a gateway, and what it answers.

    Attributes:
        exchanges: so far.

    Args:
        recorded: by name, what is asked instead; headers aside, which name what was just answered.
    """

    def __init__(self, http: httpx.AsyncClient, recorded: Mapping[str, Exchange]) -> None:
        self._http, self._recorded = http, recorded
        self.exchanges: list[Exchange] = []

    async def send(self, request_id: str, file: str, **fields: str) -> None:
        fields = {"request_id": request_id, "pipeline": "forms", **fields}
        await self.ask(f"send {request_id}", "POST", "/v1/documents", data=fields, file=file)

    async def ask(self, name: str, method: str, path: str, **more: Any) -> httpx.Response:
        request = {"name": name, "method": method, "path": path, **more}
        if name in self._recorded:
            headers = {"headers": more["headers"]} if "headers" in more else {}
            request = {**self._recorded[name], **headers}
        answer = await _answered(self._http, request)
        told = {"status": answer.status_code, "headers": _headers(answer), "body": answer.text}
        self.exchanges.append(request | {"answer": told})
        return answer


async def _answered(http: httpx.AsyncClient, request: Mapping[str, Any]) -> httpx.Response:
    more = {name: request[name] for name in ("json", "headers", "data") if name in request}
    if "file" in request:
        more["files"] = {"file": (request["file"], FILES[request["file"]])}
    return await http.request(request["method"], request["path"], timeout=60, **more)


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {
        name: answer.headers[name] for name in ("content-type", "etag") if name in answer.headers
    }


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


def move(state: Path, old: str, new: str) -> None:
    """Have a gateway's SQLite files name another folder in their locations."""
    with contextlib.closing(sqlite3.connect(state / "documents.sqlite3")) as database, database:
        database.execute("UPDATE documents SET record = replace(record, ?, ?)", (old, new))
    with contextlib.closing(sqlite3.connect(state / "documents.sqlite3")) as database:
        database.execute("VACUUM")


async def dump(url: str, folder: Path, root: str) -> None:
    """Write the documents of a MongoDB database to files."""
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        for name in COLLECTIONS:
            found = await client.get_default_database()[name].find().sort("_id").to_list()
            for each in found:
                if "record" in each:
                    each["record"] = each["record"].replace(root, ANYWHERE)
            frames.write(folder / f"{name}.bson", [bson.encode(each) for each in found])


async def load(url: str, folder: Path, root: str) -> None:
    """Fill a MongoDB database from files."""
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        for name in COLLECTIONS:
            found = [bson.decode(each) for each in frames.read(folder / f"{name}.bson")]
            for each in found:
                if "record" in each:
                    each["record"] = each["record"].replace(ANYWHERE, root)
            await client.get_default_database()[name].insert_many(found)


def write_exchanges(path: Path, exchanges: list[Exchange]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(exchanges, indent=1, ensure_ascii=False) + "\n")


def read_exchanges(path: Path) -> list[Exchange]:
    found: list[Exchange] = json.loads(path.read_text())
    return found

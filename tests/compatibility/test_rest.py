"""REST as release 0.1.0 spoke it: its clients are served, and its gateway's answers understood."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from meshkit.errors import NotFound
from pagemesh.aio import AsyncClient
from pagemesh.orchestrator.v1.document_pb2 import (
    DOCUMENT_STATE_FAILED,
    DOCUMENT_STATE_PROCESSING,
    DOCUMENT_STATE_SUCCEEDED,
)
from tests.compatibility.gateway import (
    FILES,
    Exchange,
    gateway_before_fakes,
    make_documents,
    read_exchanges,
)

OLD = Path(__file__).parent / "recorded/0.1.0/gateway/rest.json"


def contents(answer: Exchange) -> list[Any]:
    """The JSON of an answer, of each event of a stream."""
    if answer["headers"]["content-type"].startswith("text/event-stream"):
        lines = answer["body"].splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return [json.loads(answer["body"])]


def fields(value: Any, path: str = "") -> Iterator[str]:
    """Every field by its path without indexes, with its kind."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields(each, f"{path}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from fields(each, f"{path}[]")
    elif value is not None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        yield f"{path}: {'number' if number else type(value).__name__}"


async def test_an_old_client_is_served(tmp_path: Path) -> None:
    """It gets every field that it got before, of the same kind, and the same errors."""
    old = {each["name"]: each for each in read_exchanges(OLD)}
    async with gateway_before_fakes(tmp_path) as (gateway, running):
        now = {each["name"]: each for each in await make_documents(gateway, running, old)}
    assert now.keys() >= old.keys()
    for name, each in old.items():
        then, answer = each["answer"], now[name]["answer"]
        assert answer["status"] == then["status"], (name, answer["body"])
        assert answer["headers"].keys() >= then["headers"].keys()
        assert answer["headers"]["content-type"] == then["headers"]["content-type"]
        expected = {path for content in contents(then) for path in fields(content)}
        assert expected <= {path for content in contents(answer) for path in fields(content)}, name
        if then["status"] >= 400:
            assert contents(answer)[0]["reason"] == contents(then)[0]["reason"]


@contextlib.asynccontextmanager
async def played(exchanges: list[Exchange]) -> AsyncIterator[str]:
    """A gateway that answers as it did; what it was asked first is answered so always."""
    answers = {(each["method"], each["path"]): each["answer"] for each in reversed(exchanges)}

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        told = answers.get((request.method, request.path_qs))
        if told is None:
            return web.Response(status=404)
        return web.Response(status=told["status"], headers=told["headers"], body=told["body"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_old_gateways_answers_are_understood() -> None:
    exchanges = read_exchanges(OLD)
    async with played(exchanges) as url, AsyncClient(url) as client:
        assert {"text", "forms"} <= {each.identity.name for each in await client.pipelines()}
        content = FILES["form.tiff"]
        sent = await client.submit(content, request_id="done", pipeline="forms")
        assert sent.request_id == "done"
        for found in (await client.get("done"), await client.watch("done").collect()):
            assert found.document.state == DOCUMENT_STATE_SUCCEEDED
            assert found.document.pages.ok == len(found.pages) == 2
            assert "Ann" in str(found.pages[0])
        corrected = await client.corrections("done")
        assert corrected.etag
        cut = await client.get("cut")
        assert cut.document.state == DOCUMENT_STATE_PROCESSING
        assert (cut.document.pages.total, len(cut.pages)) == (2, 1)
        assert (await client.get("broken")).document.state == DOCUMENT_STATE_FAILED
        with pytest.raises(NotFound):
            await client.get("nobody")

"""schemathesis against a gateway that wants API keys, before an orchestrator with fake models.

    python -m scripts.test_openapi [examples of each operation]

First it makes everything up; then it asks about a document that was read, traced and told by a
webhook, so that answers are seen that made-up ids never get. Exits with schemathesis' own
code: 0 when nothing failed.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path

import httpx
from aiohttp import web

from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.identity import Client
from gateway.security.keys import create_key
from gateway.server import server_of
from infra.service import free_port
from orchestrator.testing import running_orchestrator, tiff
from pagemesh.traces.store import SpanStore
from scripts.openapi_hooks import PIPELINE
from tests.unit.pagemesh.traces.spans import document

CLIENT, DOCUMENT_ID = "schemathesis", "read"
CHECKS = ("--checks", "all", "--exclude-checks", "use_after_free")
"""All but one: DELETE cancels a document, and what was read on it by then is kept."""
MADE_UP = ("--phases", "examples,coverage,fuzzing,stateful")
KNOWN = ("--phases", "examples,coverage,fuzzing", "--exclude-method", "DELETE")
"""A cancelled document would be as good, but for its result's formats."""
REFUSALS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""
"""What is wrong may be too long, besides."""
THERE = f"""
[parameters]
id = "{DOCUMENT_ID}"
n = 1
"""
_WAIT_SECONDS = 0.05


async def judge(examples: int) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        async with _receiver() as hook, _gateway(folder, hook) as (url, key):
            await _read_one(url, key, hook)
            first = await _run(url, key, examples, MADE_UP, _written(folder, REFUSALS))
            second = await _run(url, key, examples, KNOWN, _written(folder, REFUSALS + THERE))
    return first or second


def _written(folder: Path, settings: str) -> Path:
    path = folder / "schemathesis.toml"
    path.write_text(settings)
    return path


@contextlib.asynccontextmanager
async def _gateway(folder: Path, hook: str) -> AsyncIterator[tuple[str, str]]:
    """Where a gateway listens, and a key of it."""
    roots = (folder / "gateway" / "uploads",)
    keys = folder / "keys.json"
    spans = SpanStore(folder / "spans.sqlite3")
    spans.add(document(Client(CLIENT).work_id(DOCUMENT_ID)))
    spans.close()
    async with running_orchestrator(folder / "orchestrator", file_roots=roots) as running:
        config = GatewayConfig(
            port=0,
            state_dir=folder / "gateway",
            orchestrator_target=running.address,
            api_keys_file=keys,
            spans_file=folder / "spans.sqlite3",
            webhook_hosts=(hook.split("/")[2],),
            webhook_networks=(IPv4Network("127.0.0.0/8"),),
            webhook_allow_http=True,
        )
        key = create_key(keys, CLIENT)
        server = server_of(create_app(config), config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(_WAIT_SECONDS)
        yield f"http://{server.address}", key
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """Where a webhook's receiver listens; it takes everything."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        await runner.cleanup()


async def _read_one(url: str, key: str, hook: str) -> None:
    """Send a document, and wait until it is read and its webhook delivered."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:
        sent = await http.post(
            "/v1/documents",
            files={"file": ("scan.tiff", tiff(2))},
            data={"request_id": DOCUMENT_ID, "pipeline": PIPELINE, "webhook": hook},
        )
        sent.raise_for_status()
        while True:
            told = (await http.get(f"/v1/documents/{DOCUMENT_ID}/webhook")).raise_for_status()
            if told.json()["state"] == "delivered":
                return
            await asyncio.sleep(_WAIT_SECONDS)


async def _run(url: str, key: str, examples: int, how: Sequence[str], settings: Path) -> int:
    program = str(Path(sys.executable).with_name("schemathesis"))
    process = await asyncio.create_subprocess_exec(
        *(
            program,
            "--config-file",
            str(settings),
            "run",
            f"{url}/openapi.json",
            "--no-color",
            *CHECKS,
        ),
        *("--max-examples", str(examples), "--header", f"Authorization: Bearer {key}", *how),
        env=os.environ | {"SCHEMATHESIS_HOOKS": "scripts.openapi_hooks"},
    )
    return await process.wait()


def main() -> None:
    sys.exit(asyncio.run(judge(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))


if __name__ == "__main__":
    main()

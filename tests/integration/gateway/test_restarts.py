"""Kills with -9: what was taken is not lost, and nothing is done twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from infra.service import free_port
from meshkit.testing import eventually
from orchestrator.testing import running_orchestrator, tiff

pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def gateway_process(
    folder: Path, port: int, orchestrator: str, **knobs: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    given = {"port": str(port), "state_dir": str(folder), "orchestrator_target": orchestrator}
    environ = os.environ | {
        f"PAGEMESH_GATEWAY_{name.upper()}": value for name, value in (given | knobs).items()
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway"), env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            async with asyncio.timeout(90):
                while True:
                    try:
                        if (await http.get("/readyz")).status_code == 200:
                            break
                    except httpx.TransportError:
                        assert process.returncode is None
                    await asyncio.sleep(0.1)
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def status_of(http: httpx.AsyncClient, document_id: str) -> str:
    return str((await http.get(f"/v1/documents/{document_id}")).json()["status"])


async def test_documents_survive_kills_of_either_side(tmp_path: Path) -> None:
    folder, port = tmp_path / "gateway", free_port()
    door = free_port()
    ids = [f"doc-{number}" for number in range(6)]
    roots = (folder / "uploads",)
    # Nobody reads yet: what is sent waits in the queue, and a kill finds it there.
    async with gateway_process(folder, port, f"127.0.0.1:{door}") as (process, http):
        for document_id in ids:
            content = {"file": ("scan.tiff", tiff(3))}
            data = {"request_id": document_id, "pipeline": "text"}
            sent = await http.post("/v1/documents", files=content, data=data)
            assert sent.status_code == 202
        process.send_signal(signal.SIGKILL)
        await process.wait()

    asked: list[str] = []
    held = asyncio.Event()
    async with running_orchestrator(
        tmp_path / "orchestrator", file_roots=roots, port=door
    ) as running:
        model = running.mesh["ocr"]
        answer = model.answer

        async def slowly(request: object, model: object) -> object:
            if len(asked) > 4:
                await held.wait()
            asked.append(request.page.page_id)  # type: ignore[attr-defined]
            return await answer(request, model)  # type: ignore[arg-type]

        model.answer = slowly  # type: ignore[assignment]
        # The gateway is killed while pages are read, and comes again.
        async with gateway_process(folder, port, f"127.0.0.1:{door}") as (process, http):
            await eventually(lambda: len(asked) >= 5)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        held.set()
        async with gateway_process(folder, port, f"127.0.0.1:{door}") as (process, http):
            async with asyncio.timeout(90):
                while {await status_of(http, each) for each in ids} != {"ready"}:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            for each in ids:
                found = (await http.get(f"/v1/documents/{each}")).json()
                numbers = [page["pageNumber"] for page in found["result"]["pages"]]
                assert numbers == [1, 2, 3]
                assert found["pages"]["done"] == found["pages"]["total"] == 3
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
    assert sorted(asked) == sorted(f"{each}/{number}" for each in ids for number in (1, 2, 3))

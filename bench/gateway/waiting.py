"""Clients that wait for events, and one that uploads: what they take of the gateway's memory."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from bench.gateway.processes import Served, gateway
from bench.report import Figure
from orchestrator.testing import RunningOrchestrator, running_orchestrator, tiff

_CHUNK = b"\x00" * (1 << 20)


@contextlib.asynccontextmanager
async def _both(folder: Path) -> AsyncIterator[tuple[RunningOrchestrator, Served]]:
    roots = (folder / "gateway" / "uploads",)
    async with running_orchestrator(folder / "orchestrator", file_roots=roots) as running:
        state = str(folder / "gateway")
        async with gateway(state_dir=state, orchestrator_target=running.address) as served:
            yield running, served


async def measure_waiting(clients: int) -> list[Figure]:
    """Memory of clients that wait for one document's events, and whether each sees its end."""
    with tempfile.TemporaryDirectory() as scratch:
        async with _both(Path(scratch)) as (running, served):
            gate, model = asyncio.Event(), running.mesh["ocr"]
            answer = model.answer

            async def held(request: Any, model: Any) -> Any:
                await gate.wait()
                return await answer(request, model)

            model.answer = held
            async with httpx.AsyncClient(base_url=f"http://{served.address}") as http:
                data = {"request_id": "slow", "pipeline": "text"}
                sent = await http.post(
                    "/v1/documents", files={"file": ("a.tiff", tiff(1))}, data=data
                )
                sent.raise_for_status()
            watched = [await _watch(served.address) for _ in range(20)]
            await asyncio.sleep(1)
            before = served.memory
            watched += [await _watch(served.address) for _ in range(clients)]
            await asyncio.sleep(2)
            grown = served.memory - before
            gate.set()
            ends = await asyncio.gather(*(_sees_end(reader) for reader, _ in watched))
            for _, writer in watched:
                writer.close()
    return [
        Figure(
            f"memory of one of {clients} clients that wait",
            grown / clients / 1000,
            "KB",
            target="<= 100",
            met=grown / clients <= 100_000,
        ),
        Figure(
            "clients that saw the end",
            float(sum(ends)),
            "clients",
            target=f"= {len(watched)}",
            met=all(ends),
        ),
    ]


async def _watch(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /v1/documents/slow/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await reader.readuntil(b"event: status")
    return reader, writer


async def _sees_end(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.readuntil(b"event: done"), 120)
    except (TimeoutError, asyncio.IncompleteReadError):
        return False
    return True


async def measure_upload(megabytes: int) -> list[Figure]:
    """What the gateway's memory grows by while a large file comes in."""
    with tempfile.TemporaryDirectory() as scratch:
        async with _both(Path(scratch)) as (_, served):
            await _upload(served, 8)
            before, peak = served.memory, 0
            uploading = asyncio.create_task(_upload(served, megabytes))
            while not uploading.done():
                peak = max(peak, served.memory)
                await asyncio.sleep(0.02)
            await uploading
    grown = (peak - before) / 1e6
    name = f"memory that an upload of {megabytes} MB takes"
    return [Figure(name, grown, "MB", target="+-20", met=abs(grown) <= 20)]


async def _upload(served: Served, megabytes: int) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--bench\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        left = megabytes * 1_000_000 - 10
        while left > 0:
            yield _CHUNK[: min(left, len(_CHUNK))]
            left -= len(_CHUNK)
        yield b"\r\n--bench--\r\n"

    async with httpx.AsyncClient(base_url=f"http://{served.address}", timeout=300) as http:
        headers = {"Content-Type": "multipart/form-data; boundary=bench"}
        answer = await http.post("/v1/documents", content=body(), headers=headers)
        answer.raise_for_status()

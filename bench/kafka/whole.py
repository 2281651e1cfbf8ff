"""The whole mesh with real models: documents by the Kafka door, and straight over gRPC.

One orchestrator serves both, turn by turn, with as many documents in flight.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.kafka.house import Room
from infra.kafka_listener import listener
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED

_SAMPLE = Path("samples/ticked_and_signed.png")
_IN_FLIGHT = 4
_LIMIT_SECONDS = 120.0


@contextlib.asynccontextmanager
async def running(room: Room, folder: Path) -> AsyncIterator[AsyncClient]:
    """A mesh that takes the room's requests; a client for its gRPC door."""
    given = {name: value for name, value in vars(room.settings).items() if isinstance(value, str)}
    given |= {"kafka_documents_in_flight": str(_IN_FLIGHT), "file_roots": str(folder)}
    variables = {f"PAGEMESH_ORCHESTRATOR_{name.upper()}": value for name, value in given.items()}
    with patch.dict(os.environ, variables, PAGEMESH_OCR_TIER="fast"):
        mesh = LocalMesh(folder / "mesh", 0, lambda _: None, with_gateway=False)
        async with mesh, AsyncClient(mesh.address) as client:
            yield client


async def documents_a_second(room: Room, count: int, rounds: int) -> list[tuple[float, float]]:
    """By Kafka and by gRPC, for each round; the first documents of each door are not counted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        location = f"file://{shutil.copy(_SAMPLE, folder)}"
        results = listener(room.connection.options(), room.topics.results)
        async with running(room, folder) as client:
            await _by_grpc(client, location, _IN_FLIGHT)
            await asyncio.to_thread(_by_kafka, room, results, location, _IN_FLIGHT, "warm")
            rates = []
            for turn in range(rounds):
                ours = await asyncio.to_thread(
                    _by_kafka, room, results, location, count, f"turn{turn}"
                )
                rates.append((ours, await _by_grpc(client, location, count)))
        results.close()
        return rates


async def _by_grpc(client: AsyncClient, location: str, count: int) -> float:
    turns = asyncio.Semaphore(_IN_FLIGHT)

    async def read() -> None:
        async with turns:
            result = await client.analyze(location, pipeline="text").collect()
        if result.document.state != DOCUMENT_STATE_SUCCEEDED:
            raise RuntimeError(f"a document was not read: {result.document}")

    begun = time.perf_counter()
    await asyncio.gather(*(read() for _ in range(count)))
    return count / (time.perf_counter() - begun)


def _by_kafka(room: Room, results: Any, location: str, count: int, prefix: str) -> float:
    begun = time.perf_counter()
    room.send(count, location, prefix)
    codec, heard = room.connection.codec(), 0
    while heard < count:
        if time.perf_counter() - begun > _LIMIT_SECONDS:
            raise TimeoutError(f"{heard} of {count} results came in {_LIMIT_SECONDS:g} s")
        for records in results.poll(timeout_ms=100).values():
            for record in records:
                result = codec.decode("result", record.value)
                if result["state"] != "SUCCEEDED":
                    raise RuntimeError(f"a document was not read: {result}")
                heard += 1
    return count / (time.perf_counter() - begun)

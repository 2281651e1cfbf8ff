"""What the mesh costs: pages per second through separate processes over that of one process.

Both sides read the same document with the same pipeline on the same cores, turn by turn; while one
works the other is idle. The ratio is the median of the turns' ratios.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.report import Figure
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh

DOCUMENT = Path("samples/application_form.pdf")
PIPELINE = "application_form"
ENCODING = "PAGEMESH_ORCHESTRATOR_WIRE_ENCODING"
TARGET = 0.95


async def measure_throughput(encodings: Sequence[str], rounds: int) -> list[Figure]:
    """Mesh against monolith, once for every wire encoding."""
    async with AsyncClient() as monolith:
        await pages_a_second(monolith)
        return [await _compare(monolith, encoding, rounds) for encoding in encodings]


async def _compare(monolith: AsyncClient, encoding: str, rounds: int) -> Figure:
    mesh_rates, monolith_rates = [], []
    with tempfile.TemporaryDirectory() as folder, _variable(ENCODING, encoding):
        async with (
            LocalMesh(Path(folder), 0, lambda _: None) as mesh,
            AsyncClient(mesh.address) as client,
        ):
            await pages_a_second(client)
            for _ in range(rounds):
                mesh_rates.append(await pages_a_second(client))
                monolith_rates.append(await pages_a_second(monolith))
    ratio = median(a / b for a, b in zip(mesh_rates, monolith_rates, strict=True))
    return Figure(
        name=f"mesh throughput, pages sent {encoding}",
        value=median(mesh_rates),
        unit="pages/s",
        compared_with="the same pages in one process",
        baseline=median(monolith_rates),
        ratio=ratio,
        target=f">= {TARGET}",
        met=ratio >= TARGET,
    )


async def pages_a_second(client: AsyncClient) -> float:
    """Reads the document once. Raises RuntimeError when a page of it is not read."""
    started = time.perf_counter()
    result = await client.analyze(DOCUMENT, pipeline=PIPELINE).collect()
    seconds = time.perf_counter() - started
    account = result.document.pages
    if account.ok != account.total:
        raise RuntimeError(f"{DOCUMENT} was not read as a whole: {account}")
    return account.total / seconds


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before

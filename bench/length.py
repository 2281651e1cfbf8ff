"""What a document's length costs: the orchestrator's memory, and the time to the first page."""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import psutil

from bench.documents import write_text_pdf
from bench.report import Figure
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import ORCHESTRATOR, LocalMesh
from pagemesh.sources import How

LONG, SHORT = 1000, 10
READING: How = {"pipeline": "text", "dpi": 100, "options": {"ocr.tier": "fast"}}
MEMORY_TARGET_MB = 20.0
FIRST_PAGE_TARGET = 1.2


async def measure_memory() -> Figure:
    """Peak memory of the orchestrator for a long document beside that for a short one.

    Each document is read by a mesh of its own, for a peak never goes down.
    """
    peak = {}
    with tempfile.TemporaryDirectory() as folder:
        for pages in (SHORT, LONG):
            document = write_text_pdf(Path(folder) / f"{pages}.pdf", pages)
            async with _mesh(Path(folder) / f"state-{pages}") as (mesh, client):
                async for _ in client.analyze(document, **READING):
                    pass
                peak[pages] = _peak_megabytes(mesh)
    growth = peak[LONG] - peak[SHORT]
    return Figure(
        name=f"orchestrator's peak memory for {LONG} pages, over that for {SHORT}",
        value=growth,
        unit="MB",
        compared_with=f"the peak for {SHORT} pages",
        baseline=peak[SHORT],
        ratio=peak[LONG] / peak[SHORT],
        target=f"<= {MEMORY_TARGET_MB:.0f} MB",
        met=growth <= MEMORY_TARGET_MB,
    )


async def measure_first_page(rounds: int) -> Figure:
    """Time to the first page of a long document beside that of a single page."""
    long_times, single_times = [], []
    with tempfile.TemporaryDirectory() as folder:
        long = write_text_pdf(Path(folder) / "long.pdf", LONG)
        single = write_text_pdf(Path(folder) / "single.pdf", 1)
        async with _mesh(Path(folder) / "state") as (_, client):
            await _first_page_seconds(client, single)
            for _ in range(rounds):
                single_times.append(await _first_page_seconds(client, single))
                long_times.append(await _first_page_seconds(client, long))
    ratio = median(a / b for a, b in zip(long_times, single_times, strict=True))
    return Figure(
        name=f"time to the first page of {LONG}",
        value=median(long_times),
        unit="s",
        compared_with="a single page",
        baseline=median(single_times),
        ratio=ratio,
        target=f"<= {FIRST_PAGE_TARGET} x",
        met=ratio <= FIRST_PAGE_TARGET,
    )


@asynccontextmanager
async def _mesh(folder: Path) -> AsyncIterator[tuple[LocalMesh, AsyncClient]]:
    async with LocalMesh(folder, 0, lambda _: None) as mesh, AsyncClient(mesh.address) as client:
        yield mesh, client


async def _first_page_seconds(client: AsyncClient, document: Path) -> float:
    """From sending the document to its first page; the rest is cancelled."""
    started = time.perf_counter()
    pages = client.analyze(document, **READING)
    try:
        async for _ in pages:
            return time.perf_counter() - started
    finally:
        await pages.aclose()
    raise RuntimeError(f"{document} gave no page")


def _peak_megabytes(mesh: LocalMesh) -> float:
    """The orchestrator process's highest resident set so far."""
    process = mesh.services[ORCHESTRATOR].process
    if process is None:
        raise RuntimeError("the orchestrator does not run")
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no peak is known of process {psutil.Process(process.pid)}")

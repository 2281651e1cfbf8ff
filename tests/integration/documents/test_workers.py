"""Worker processes start, die and are replaced; only the page they died on notices."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import psutil
import pytest

from meshkit.errors import Cancelled, DependencyUnavailable, Overloaded
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import WorkerPool, open_document
from tests.unit.orchestrator.documents import made

START_CPU_SECONDS = 1.5


def all_workers() -> list[psutil.Process]:
    """Our worker processes; the mesh of other tests may be a child of this process, too."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "orchestrator.documents.worker" in child.cmdline():
                found.append(child)
    return found


async def kill_the_drawing_one(killed: Collection[psutil.Process] = ()) -> psutil.Process:
    """The one that uses the processor for longer than a spare needs to start."""
    async with asyncio.timeout(60):
        while True:
            for worker in all_workers():
                if worker not in killed and cpu_seconds(worker) > START_CPU_SECONDS:
                    worker.kill()
                    return worker
            await asyncio.sleep(0.05)


def cpu_seconds(process: psutil.Process) -> float:
    """So far; none when it has ended meanwhile."""
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0


def busy_workers() -> list[psutil.Process]:
    """Those that use the processor."""
    children = all_workers()
    before = {child.pid: cpu_seconds(child) for child in children}
    time.sleep(0.2)
    return [child for child in children if cpu_seconds(child) > before[child.pid] + 0.05]


async def until_none_is_busy() -> None:
    """Waits out the spare worker's start, too."""
    async with asyncio.timeout(60):
        while await asyncio.to_thread(busy_workers):
            pass


async def test_an_idle_worker_that_is_killed_costs_nothing(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=2)
    async with await open_document(path, limits=limits, workers=workers) as document:
        await document.render(1)
        oldest = min(all_workers(), key=psutil.Process.create_time)
        oldest.kill()
        assert (await document.render(2)).image.min() < 128


async def test_a_worker_killed_twice_on_a_page_fails_that_page_alone(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.endless_pdf())
    async with await open_document(path, limits=limits, workers=workers) as document:
        page = asyncio.create_task(document.render(2))
        first = await kill_the_drawing_one()
        await kill_the_drawing_one([first])
        with pytest.raises(DependencyUnavailable, match="page 2") as caught:
            await page
        assert caught.value.reason == "WORKER_KILLED"
        assert caught.value.retry_after is not None
        assert (await document.render(3)).image.min() == 0


async def test_a_cancelled_page_ends_its_worker_and_the_next_is_right(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.endless_pdf())
    async with await open_document(path, limits=limits, workers=workers) as document:
        page = asyncio.create_task(document.render(2))
        await asyncio.sleep(0.5)
        page.cancel()
        with pytest.raises(asyncio.CancelledError):
            await page
        assert (await document.render(3, 100)).image.shape == (278, 278)
        await until_none_is_busy()


async def test_closing_while_a_page_is_drawn(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.endless_pdf())
    document = await open_document(path, limits=limits, workers=workers)
    page = asyncio.create_task(document.render(2))
    await asyncio.sleep(0.5)
    await document.close()
    await document.close()
    with pytest.raises(Cancelled, match="page 2"):
        await page
    with pytest.raises(Cancelled):
        await document.render(1)


async def test_overlapping_calls_each_get_their_own_page(
    tmp_path: Path, limits: DocumentLimits, workers: WorkerPool
) -> None:
    path = made.text_pdf(tmp_path / "a.pdf", pages=6)
    async with await open_document(path, limits=limits, workers=workers) as document:
        alone = [await document.render(number, 72) for number in range(1, 7)]
        together = await asyncio.gather(*(document.render(number, 72) for number in range(1, 7)))
    for one, other in zip(alone, together, strict=True):
        assert one.number == other.number
        assert (one.image == other.image).all()


async def test_documents_beyond_the_limit_wait_their_turn(tmp_path: Path) -> None:
    limits = DocumentLimits(max_open_documents=1, open_wait_s=0.3)
    path = made.text_pdf(tmp_path / "a.pdf")
    async with WorkerPool(limits) as workers:
        first = await open_document(path, limits=limits, workers=workers)
        with pytest.raises(Overloaded) as caught:
            await open_document(path, limits=limits, workers=workers)
        assert caught.value.reason == "TOO_MANY_DOCUMENTS"
        waiting = asyncio.create_task(open_document(path, limits=limits, workers=workers))
        await asyncio.sleep(0.05)
        await first.close()
        async with await waiting as second:
            assert second.page_count == 1


async def test_a_worker_has_limits_and_no_secrets(
    tmp_path: Path, limits: DocumentLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    path = made.text_pdf(tmp_path / "a.pdf")
    async with (
        WorkerPool(limits) as workers,
        await open_document(path, limits=limits, workers=workers) as document,
    ):
        await document.render(1)
        # Other tests' processes that ended in between are not ours to ask.
        children = all_workers()
        assert not any("AWS_SECRET_ACCESS_KEY" in child.environ() for child in children)
        # The spare may not have come to its limits yet.
        assert any(_is_limited(child, limits) for child in children)


def _is_limited(process: psutil.Process, limits: DocumentLimits) -> bool:
    return (
        process.rlimit(psutil.RLIMIT_AS)[1] == limits.worker_memory_bytes
        and process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        and process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        and process.rlimit(psutil.RLIMIT_CPU)[0] < 60
    )


DIES_WITH_AN_OPEN_DOCUMENT = """
import asyncio, os, signal, sys
from pathlib import Path
import psutil
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import WorkerPool, open_document

async def main():
    limits = DocumentLimits()
    workers = WorkerPool(limits)
    await workers.start()
    document = await open_document(Path(sys.argv[1]), limits=limits, workers=workers)
    page = asyncio.create_task(document.render(2))
    await asyncio.sleep(1)
    print(*(child.pid for child in psutil.Process().children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.endless_pdf())
    parent = subprocess.run(
        [sys.executable, "-c", DIES_WITH_AN_OPEN_DOCUMENT, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert parent.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in parent.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while any(_is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_memory_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    limits = DocumentLimits()
    path = made.text_pdf(tmp_path / "a.pdf", pages=300)
    process = psutil.Process()
    async with (
        WorkerPool(limits) as workers,
        await open_document(path, limits=limits, workers=workers) as document,
    ):
        for number in range(1, 21):
            await document.render(number, 100)
        resident = process.memory_info().rss
        worker_resident = max(child.memory_info().rss for child in process.children())
        for number in range(21, 301):
            await document.render(number, 100)
        assert process.memory_info().rss < resident + 20_000_000
        worker_growth = max(child.memory_info().rss for child in process.children())
        assert worker_growth < worker_resident + 100_000_000

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents import spool as module
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool, sweep

DIES_WITH_A_SPOOL = """
import asyncio, os, sys
from pathlib import Path
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.spool import Spool

async def main():
    async with Spool.create(DocumentLimits(scratch_dir=Path(sys.argv[1]))) as spool:
        await spool.write(b"left behind")
        os._exit(0)

asyncio.run(main())
"""


def test_documents_of_dead_processes_are_swept_and_others_kept(tmp_path: Path) -> None:
    limits = DocumentLimits(scratch_dir=tmp_path)
    subprocess.run([sys.executable, "-c", DIES_WITH_A_SPOOL, str(tmp_path)], check=True)
    assert len(list(tmp_path.iterdir())) == 1
    asyncio.run(_sweep_beside_a_living_spool(limits))


async def _sweep_beside_a_living_spool(limits: DocumentLimits) -> None:
    async with Spool.create(limits) as spool:
        assert sweep(limits) == 1
        await spool.write(b"still here")
        assert spool.path.read_bytes() == b"still here"


def test_a_sweep_beside_it_never_takes_a_new_spool(tmp_path: Path) -> None:
    limits = DocumentLimits(scratch_dir=tmp_path)
    finished = threading.Event()

    def sweep_all_the_time() -> None:
        while not finished.is_set():
            sweep(limits)

    async def create_many() -> list[bool]:
        is_there = []
        for _ in range(500):
            async with Spool.create(limits) as spool:
                is_there.append(spool.path.exists())
        return is_there

    sweeper = threading.Thread(target=sweep_all_the_time)
    sweeper.start()
    try:
        assert all(asyncio.run(create_many()))
    finally:
        finished.set()
        sweeper.join()


async def test_a_write_that_is_cancelled_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread goes on, and may only then have made the file."""
    begun, may_go_on = threading.Event(), threading.Event()
    make = module._make_locked

    def slowly(folder: Path) -> Any:
        begun.set()
        assert may_go_on.wait(60)
        return make(folder)

    monkeypatch.setattr(module, "_make_locked", slowly)
    spool = Spool(DocumentLimits(scratch_dir=tmp_path))
    writing = asyncio.create_task(spool.write(b"half"))
    assert await asyncio.to_thread(begun.wait, 60)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    closing = asyncio.create_task(spool.close())
    await asyncio.sleep(0)
    may_go_on.set()
    await closing
    assert _files(tmp_path) == []
    spool._append(b"late")
    assert _files(tmp_path) == []


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import WorkerPool


@pytest.fixture
def limits(tmp_path: Path) -> DocumentLimits:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return DocumentLimits(scratch_dir=scratch, max_pages=100)


@pytest.fixture
async def workers(limits: DocumentLimits) -> AsyncIterator[WorkerPool]:
    async with WorkerPool(limits) as pool:
        yield pool


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path) -> Iterator[None]:
    """No process, no open file but those of the test's own making, no document in scratch.

    What a server of another test starts is its own affair: Redis forks to save."""
    process = psutil.Process()
    children = set(process.children())
    descriptors = process.num_fds()
    yield
    left = set(process.children()) - children
    assert not left
    assert process.num_fds() <= descriptors
    scratch = tmp_path / "scratch"
    assert not scratch.exists() or not list(scratch.iterdir())

"""A disk that stands still: only what needs it waits, and goes on when the disk does."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from orchestrator.testing import running_orchestrator, tiff
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.chaos.slow_disk import SlowDisk, slow_disk
from tests.integration.gateway.conftest import config_of, running_gateway
from tests.integration.processes import submit


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SlowDisk]:
    try:
        with slow_disk(tmp_path / "disk", 16) as disk:
            yield disk
    except PermissionError as error:
        pytest.skip(f"no file system can be mounted here: {error}")


async def until_someone_waits_for_the_disk() -> None:
    """Until a thread of this process is where no signal reaches it."""
    async with asyncio.timeout(60):
        while not _waits_for_the_disk():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)


def _waits_for_the_disk() -> bool:
    return "D" in [_state(thread) for thread in Path("/proc/self/task").iterdir()]


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it has ended
        return ""


async def test_an_orchestrator_lives_while_its_disk_stands_still(disk: SlowDisk) -> None:
    state, scratch = disk.folder / "state", disk.folder / "scratch"
    scratch.mkdir()
    async with running_orchestrator(state, scratch_dir=scratch) as running:
        with disk.stopped() as is_stopped:
            sending = asyncio.create_task(submit(running.stub, "doc", tiff(2)))
            await until_someone_waits_for_the_disk()
            async with grpc.aio.insecure_channel(running.address) as channel:
                health: Any = health_pb2_grpc.HealthStub(channel)
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=60)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            assert is_stopped()
            assert not sending.done()
        await sending
        found = await running.watch("doc")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        assert sorted(found.pages) == [1, 2]


async def test_a_gateway_lives_while_its_disk_stands_still(tmp_path: Path, disk: SlowDisk) -> None:
    roots = (disk.folder / "gateway" / "uploads",)
    async with (
        running_orchestrator(tmp_path / "orchestrator", file_roots=roots) as running,
        running_gateway(config_of(disk.folder, running.address)) as gateway,
    ):
        with disk.stopped() as is_stopped:
            sending = asyncio.create_task(gateway.send(tiff(2), request_id="doc", pipeline="text"))
            await until_someone_waits_for_the_disk()
            assert (await gateway.http.get("/healthz", timeout=60)).status_code == 200
            assert is_stopped()
            assert not sending.done()
        assert (await sending).status_code == 202
        ended = await gateway.final("doc", 60)
        assert (ended["status"], ended["pages"]["done"]) == ("ready", 2)

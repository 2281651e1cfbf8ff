"""A disk that is full where work is written down: new work is refused, the rest goes on later."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from orchestrator.testing import FakeMesh, running_orchestrator, tiff
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.chaos.disk import SmallDisk, small_disk
from tests.integration.calls import refusal
from tests.integration.gateway.conftest import config_of, running_gateway
from tests.integration.processes import submit


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", 4) as disk:
            yield disk
    except PermissionError as error:
        pytest.skip(f"no file system can be mounted here: {error}")


def hold(mesh: FakeMesh) -> tuple[asyncio.Event, asyncio.Event]:
    """Set when a page is being read; set it to let reading go on."""
    reading, may_end = asyncio.Event(), asyncio.Event()
    answer = mesh["ocr"].answer

    async def held(request: Any, model: Any) -> Any:
        reading.set()
        await may_end.wait()
        return await answer(request, model)

    mesh["ocr"].answer = held
    return reading, may_end


async def test_a_full_disk_of_the_orchestrator_stops_work_and_loses_none(
    tmp_path: Path, disk: SmallDisk
) -> None:
    async with running_orchestrator(disk.folder / "state", store_lease_seconds=0.2) as running:
        reading, may_end = hold(running.mesh)
        await submit(running.stub, "meanwhile", tiff(3))
        async with asyncio.timeout(60):
            await reading.wait()
        disk.fill()
        may_end.set()
        for name in ("one", "two"):
            refused = await refusal(submit(running.stub, name, tiff(1)))
            assert refused.code is grpc.StatusCode.UNAVAILABLE
            assert refused.reason in {"STORE_FAILED", "STORAGE_UNAVAILABLE"}
            assert refused.retry_after
        refused = await refusal(running.start(tiff(1), request_id="three", pipeline="text"))
        assert (refused.reason, bool(refused.retry_after)) == ("STORE_FAILED", True)
        async with asyncio.timeout(60):
            while running.mesh["ocr"].at_work:  # noqa: ASYNC110 - the model tells nobody
                await asyncio.sleep(0.01)
        disk.clear()
        await _ends_well(running, "meanwhile", 3)
        for name in ("one", "two"):
            await submit(running.stub, name, tiff(1))
            await _ends_well(running, name, 1)


async def _ends_well(running: Any, request_id: str, pages: int) -> None:
    """It may be between two hands: who watches is told so, and asks again."""
    async with asyncio.timeout(60):
        while True:
            try:
                found = await running.watch(request_id)
                break
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.1)
    assert found.document.state == DOCUMENT_STATE_SUCCEEDED
    assert sorted(found.pages) == list(range(1, pages + 1))


async def test_bytes_that_find_no_room_are_refused_with_a_time_to_retry(
    tmp_path: Path, disk: SmallDisk
) -> None:
    scratch = disk.folder / "scratch"
    scratch.mkdir()
    async with running_orchestrator(tmp_path / "state", scratch_dir=scratch) as running:
        disk.fill()
        refused = await refusal(running.start(tiff(2), request_id="doc", pipeline="text"))
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.UNAVAILABLE,
            "STORAGE_UNAVAILABLE",
        )
        assert refused.retry_after
        disk.clear()
        found = await running.analyze(tiff(2), request_id="doc", pipeline="text")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        assert not list(scratch.iterdir())


async def test_a_full_disk_of_the_gateway_refuses_and_loses_nothing(
    tmp_path: Path, disk: SmallDisk
) -> None:
    folder = disk.folder
    async with running_orchestrator(
        tmp_path / "orchestrator", file_roots=(folder / "gateway" / "uploads",)
    ) as running:
        config = config_of(folder, running.address)
        async with running_gateway(config) as gateway:
            reading, may_end = hold(running.mesh)
            await gateway.send(tiff(2), request_id="meanwhile", pipeline="text")
            async with asyncio.timeout(60):
                await reading.wait()
            disk.fill()
            may_end.set()
            refused = await gateway.send(tiff(1), request_id="refused", pipeline="text")
            assert refused.status_code == 503, refused.text
            assert refused.json()["reason"] in {"STORAGE_UNAVAILABLE", "STORE_UNAVAILABLE"}
            assert int(refused.headers["retry-after"]) >= 1
            disk.clear()
            ended = await gateway.final("meanwhile", 60)
            assert (ended["status"], ended["pages"]["done"]) == ("ready", 2)
            again = await gateway.send(tiff(1), request_id="refused", pipeline="text")
            assert again.status_code == 202
            assert (await gateway.final("refused", 60))["status"] == "ready"

"""The database dies with -9 while documents are read and asked for, and comes again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infra.others import Mongo
from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import config_of, running_gateway
from tests.integration.gateway.statuses import operations

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(240)]

WITHOUT_STORE = ("/v1/pipelines", "/v1/webhook-secret", "/v1/webhooks")


async def test_a_dead_database_is_told_and_loses_nothing(
    tmp_path: Path, orchestrator: RunningOrchestrator, mongo: Mongo
) -> None:
    config = config_of(tmp_path, orchestrator.address, store_url=mongo.database_url("outage"))
    async with running_gateway(config) as gateway:
        await gateway.send(tiff(2), request_id="before", pipeline="text")
        await gateway.final("before")
        before = await gateway.http.get("/v1/documents/before")
        reading, may_end = hold(orchestrator)
        await gateway.send(tiff(1), request_id="meanwhile", pipeline="text")
        async with asyncio.timeout(60):
            await reading.wait()

        mongo.kill()
        try:
            asked = [each for each in operations(gateway, "before") if each[1] not in WITHOUT_STORE]
            answers = await asyncio.gather(
                gateway.send(tiff(1), request_id="refused", pipeline="text"),
                gateway.http.get("/readyz"),
                *(gateway.http.request(*each) for each in asked if each[0] != "POST"),
            )
            for answer in answers:
                assert answer.status_code == 503, answer.request.url
                assert answer.json()["reason"] == "STORE_UNAVAILABLE"
                assert int(answer.headers["retry-after"]) >= 1
            may_end.set()  # what is read now cannot be written down yet
            async with asyncio.timeout(60):
                while orchestrator.mesh["ocr"].at_work:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        finally:
            mongo.start()

        assert (await gateway.final("meanwhile", 60))["status"] == "ready"
        after = await gateway.http.get("/v1/documents/before")
        assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
        absent = await gateway.http.get("/v1/documents/refused")
        assert absent.status_code == 404
        again = await gateway.send(tiff(1), request_id="refused", pipeline="text")
        assert again.status_code == 202
        assert (await gateway.final("refused", 60))["status"] == "ready"
        assert len(list(config.uploads_dir.iterdir())) == 3


def hold(orchestrator: RunningOrchestrator) -> tuple[asyncio.Event, asyncio.Event]:
    """Set when the next page is read; set it to let its reading end."""
    reading, may_end = asyncio.Event(), asyncio.Event()
    model = orchestrator.mesh["ocr"]
    answer = model.answer

    async def held(request: Any, asked: Any) -> Any:
        reading.set()
        await may_end.wait()
        return await answer(request, asked)

    model.answer = held
    return reading, may_end

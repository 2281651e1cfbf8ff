"""A person's word beside the machine's: kept, shown everywhere, and not lost to another's."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.security.keys import create_key
from infra.others import Mongo, Redis
from meshkit.errors import Conflict, InvalidInput
from orchestrator.testing import RunningOrchestrator, tiff
from pagemesh import AsyncClient
from tests.integration.gateway.conftest import Json, RunningGateway, config_of, running_gateway

PATH = "/v1/documents/read/corrections"


def correction(value: str | None, index: int = 0, page: int = 1) -> Json:
    return {"corrections": [{"page_number": page, "field_index": index, "value": value}]}


async def read(gateway: RunningGateway, pages: int = 2) -> str:
    """Have a document read; its ETag."""
    assert (await gateway.send(tiff(pages), request_id="read", pipeline="forms")).is_success
    await gateway.final("read")
    return (await gateway.http.get(PATH)).headers["etag"]


async def test_what_was_read_stays_beside_what_a_person_says(gateway: RunningGateway) -> None:
    tag = await read(gateway)
    before = (await gateway.http.get("/v1/documents/read")).json()["result"]["pages"]
    answer = await gateway.http.patch(PATH, json=correction("Anna"), headers={"If-Match": tag})
    (kept,) = answer.json()["corrections"]
    at = kept.pop("at")
    assert kept == {
        "page_number": 1,
        "field_index": 0,
        "name": "Name",
        "read": "Ann",
        "value": "Anna",
        "client": "",
    }
    assert answer.headers["etag"] != tag
    assert (await gateway.http.get(PATH)).json() == answer.json()

    document = await gateway.http.get("/v1/documents/read")
    assert document.headers["etag"] == answer.headers["etag"]
    page = (await gateway.http.get("/v1/documents/read/pages/1")).json()
    download = (await gateway.http.get("/v1/documents/read/result?format=json")).json()
    for shown in (page, download["pages"][0], document.json()["result"]["pages"][0]):
        field = shown["fields"][0]
        assert (field["value"], field["correction"]["value"]) == ("Ann", "Anna")
        told = datetime.fromisoformat(field["correction"]["updateTime"])
        assert told == datetime.fromisoformat(at)
        del field["correction"]
        assert shown == before[0]
    assert download["pages"][1] == before[1]

    headers = {"If-Match": answer.headers["etag"]}
    back = await gateway.http.patch(PATH, json=correction(None), headers=headers)
    assert back.json() == {"corrections": []}
    page = (await gateway.http.get("/v1/documents/read/pages/1")).json()
    assert page == before[0]


async def test_of_two_who_looked_at_the_same_one_looks_again(gateway: RunningGateway) -> None:
    tag = await read(gateway)
    answers = await asyncio.gather(
        *(
            gateway.http.patch(PATH, json=correction(name), headers={"If-Match": tag})
            for name in ("a", "b", "c", "d")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    (kept,) = (await gateway.http.get(PATH)).json()["corrections"]
    (taken,) = [answer for answer in answers if answer.is_success]
    assert kept == taken.json()["corrections"][0]


async def test_a_box_is_ticked_or_not_and_all_or_nothing_is_taken(gateway: RunningGateway) -> None:
    tag = await read(gateway)
    fields = (await gateway.http.get("/v1/documents/read/pages/1")).json()["fields"]
    box = next(n for n, each in enumerate(fields) if each["kind"] != "FIELD_KIND_TEXT")
    wrong = correction("perhaps", box)
    wrong["corrections"] += correction("Anna")["corrections"]
    refused = await gateway.http.patch(PATH, json=wrong, headers={"If-Match": tag})
    assert (refused.status_code, refused.json()["metadata"]["field"]) == (422, "value")
    assert (await gateway.http.get(PATH)).json() == {"corrections": []}
    taken = await gateway.http.patch(PATH, json=correction("false", box), headers={"If-Match": tag})
    assert taken.json()["corrections"][0]["value"] == "false"


async def test_it_is_written_down_who_said_so(
    tmp_path: Path, orchestrator: RunningOrchestrator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pagemesh.audit")
    keys = tmp_path / "keys.json"
    key = create_key(keys, "billing")
    config = config_of(tmp_path, orchestrator.address, api_keys_file=keys)
    async with running_gateway(config) as gateway:
        gateway.http.headers["Authorization"] = f"Bearer {key}"
        tag = await read(gateway)
        answer = await gateway.http.patch(
            PATH, json=correction("Anna", page=2), headers={"If-Match": tag}
        )
        assert answer.json()["corrections"][0]["client"] == "billing"
    (line,) = [each for each in caplog.records if each.message == "fields corrected"]
    told: dict[str, Any] = vars(line)
    assert (told["client"], told["document"], told["fields"]) == ("billing", "read", "2/0")
    assert "Anna" not in caplog.text


@pytest.mark.xdist_group("services")
async def test_it_is_kept_in_the_database_and_seen_through_the_cache(
    tmp_path: Path, orchestrator: RunningOrchestrator, mongo: Mongo, redis: Redis
) -> None:
    knobs = {"store_url": mongo.database_url("corrections"), "cache_url": redis.url}
    config = config_of(tmp_path, orchestrator.address, **knobs)
    async with running_gateway(config) as one, running_gateway(config) as other:
        tag = await read(one)
        await other.http.get("/v1/documents/read")
        await one.http.patch(PATH, json=correction("Anna"), headers={"If-Match": tag})
        seen = (await other.http.get("/v1/documents/read")).json()
        assert seen["result"]["pages"][0]["fields"][0]["correction"]["value"] == "Anna"


async def test_the_client_corrects(
    gateway: RunningGateway, orchestrator: RunningOrchestrator
) -> None:
    await read(gateway)
    async with AsyncClient(f"http://{gateway.server.address}") as client:
        before = await client.corrections("read")
        after = await client.correct("read", {(1, 0): "Anna", (2, 0): ""}, before.etag)
        assert after.values == {(1, 0): "Anna", (2, 0): ""}
        with pytest.raises(Conflict):
            await client.correct("read", {(1, 0): "Anne"}, before.etag)
        whole = await client.get("read")
        assert whole.pages[0].fields[0].correction.value == "Anna"
        assert whole.pages[0].fields[0].value == "Ann"
        assert whole.pages[1].fields[0].HasField("correction")
        last = await client.correct("read", {(1, 0): None}, after.etag)
        assert last.values == {(2, 0): ""}
    async with AsyncClient(orchestrator.address) as client:
        with pytest.raises(InvalidInput, match="gateway"):
            await client.corrections("read")

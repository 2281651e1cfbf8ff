"""Documents that a gateway of release 0.1.0 kept: found whole, and gone on with."""

import shutil
import uuid
from pathlib import Path

import pytest

from gateway.webhooks.outbox import State
from infra.others import MemoryMongo
from tests.compatibility.gateway import (
    ANYWHERE,
    Conversation,
    gateway_before_fakes,
    load,
    move,
    read_exchanges,
)
from tests.integration.conftest import memory_mongo as memory_mongo  # noqa: PLC0414 - a fixture
from tests.integration.gateway.conftest import Json, RunningGateway

OLD = Path(__file__).parent / "recorded/0.1.0/gateway"


async def ask(gateway: RunningGateway, path: str) -> Json:
    answer = await Conversation(gateway.http, {}).ask(path, "GET", path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def all_is_found(gateway: RunningGateway) -> None:
    """Every document but the one that was being read, as it was shown."""
    done = await ask(gateway, "/v1/documents/done")
    assert done["status"] == "ready"
    assert done["pages"] == {"total": 2, "done": 2, "ok": 2, "failed": 0, "skipped": 0}
    first = (await ask(gateway, "/v1/documents/done/pages/1"))["fields"][0]
    assert (first["value"], first["correction"]["value"]) == ("Ann", "Anna")
    (said,) = (await ask(gateway, "/v1/documents/done/corrections"))["corrections"]
    assert (said["read"], said["value"]) == ("Ann", "Anna")
    broken = await ask(gateway, "/v1/documents/broken")
    assert (broken["status"], broken["pages"]["failed"]) == ("failed", 1)
    listed = (await ask(gateway, "/v1/documents"))["documents"]
    assert [each["id"] for each in listed] == ["cut", "broken", "done"]
    webhook = await ask(gateway, "/v1/documents/done/webhook")
    assert (webhook["state"], webhook["attempts"] > 0) == (State.DUE, True)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Where locations begin."""
    return tmp_path.resolve().as_uri()


async def test_documents_in_files_are_found_and_gone_on_with(tmp_path: Path, root: str) -> None:
    state = tmp_path / "gateway"
    shutil.copytree(OLD / "state", state)
    move(state, ANYWHERE, root)
    async with gateway_before_fakes(tmp_path) as (gateway, running):
        cut = await gateway.final("cut", 60)
        assert (cut["status"], cut["pages"]["ok"]) == ("ready", 2)
        assert len(running.mesh["ocr"].pages) == 2
        await all_is_found(gateway)
        old = next(each for each in read_exchanges(OLD / "rest.json") if each["name"] == "secret")
        assert (await gateway.http.get("/v1/webhook-secret")).text == old["answer"]["body"]


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_documents_in_mongodb_are_found(
    tmp_path: Path, root: str, memory_mongo: MemoryMongo
) -> None:
    url = memory_mongo.database_url(f"old_{uuid.uuid4().hex[:8]}")
    await load(url, OLD / "mongodb", root)
    async with gateway_before_fakes(tmp_path, store_url=url) as (gateway, _):
        await all_is_found(gateway)
        assert (await ask(gateway, "/v1/documents/cut"))["status"] == "processing"
        assert (await gateway.http.delete("/v1/documents/cut")).is_success

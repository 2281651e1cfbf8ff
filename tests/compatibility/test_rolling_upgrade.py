"""The next release beside this one, on one store whose documents have got new fields.

The next release is played: it writes all that this one writes, and fields that nobody knows yet.
"""

import asyncio
import contextlib
import json
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from gateway.records import Record
from infra.others import MemoryMongo
from orchestrator.testing import running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.compatibility.gateway import gateway_before_fakes, make_documents
from tests.compatibility.test_gateway_state import all_is_found
from tests.integration.conftest import memory_mongo as memory_mongo  # noqa: PLC0414 - a fixture
from tests.integration.processes import hang_after, submit

_CHANGES = 20
_NEW = "of_the_next_release"
Rows = dict[str, Any]


def with_new_fields(kept: Rows) -> Rows:
    """A document of a collection as the next release writes it."""
    new = dict(kept) | {_NEW: {"since": 1}}
    if "record" in new:
        record = json.loads(new["record"])
        for part in (record, record["asked"], *record["corrections"]):
            part[_NEW] = [1, 2]
        new["record"] = json.dumps(record)
    return new


def has_new_fields(kept: Rows) -> bool:
    """Whether nobody has lost one of them."""
    record = json.loads(kept["record"]) if "record" in kept else {_NEW: [1, 2], "asked": {_NEW: 1}}
    return kept.get(_NEW) == {"since": 1} and record.get(_NEW) == [1, 2] and _NEW in record["asked"]


async def change_all(url: str, change: Callable[[Rows], Rows]) -> set[str]:
    """Change what is in a database; the keys of that."""
    changed = set()
    async with AsyncMongoClient[Rows](url) as client:
        database = client.get_default_database()
        for name in await database.list_collection_names():
            for each in await database[name].find().to_list():
                await database[name].replace_one({"_id": each["_id"]}, change(each))
                changed.add(each["_id"])
    return changed


async def all_of(url: str) -> list[Rows]:
    async with AsyncMongoClient[Rows](url) as client:
        database = client.get_default_database()
        names = await database.list_collection_names()
        return [each for name in names for each in await database[name].find().to_list()]


@pytest.fixture
def url(memory_mongo: MemoryMongo) -> str:
    return memory_mongo.database_url(f"rolling_{uuid.uuid4().hex[:8]}")


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_a_gateway_changes_what_the_next_release_wrote_and_loses_nothing_of_it(
    tmp_path: Path, url: str
) -> None:
    async with gateway_before_fakes(tmp_path, store_url=url) as (gateway, running):
        await make_documents(gateway, running)
        changed = await change_all(url, with_new_fields)
        await all_is_found(gateway)
        path = "/v1/documents/done/corrections"
        said = [{"page_number": 2, "field_index": 0, "value": "Bea"}]
        tag = (await gateway.http.get(path)).headers["etag"]
        answer = await gateway.http.patch(
            path, json={"corrections": said}, headers={"If-Match": tag}
        )
        assert answer.is_success, answer.text
        assert (await gateway.http.post("/v1/documents/done/webhook")).is_success
        assert (await gateway.http.delete("/v1/documents/cut")).is_success
        await gateway.final("cut", 60)
    kept = [each for each in await all_of(url) if each["_id"] in changed]
    assert len(kept) >= len(changed) > 5
    assert [each for each in kept if not has_new_fields(each)] == []
    (done,) = [json.loads(each["record"]) for each in kept if each.get("id") == "done"]
    first, second = done["corrections"]
    assert (first["value"], first[_NEW], second["value"]) == ("Anna", [1, 2], "Bea")


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_both_change_one_document_at_once_and_no_change_is_lost(
    tmp_path: Path, url: str
) -> None:
    async with gateway_before_fakes(tmp_path, store_url=url) as (gateway, _):
        await gateway.send(tiff(1), request_id="done", pipeline="text")
        await gateway.final("done")
        (kept,) = [each for each in await all_of(url) if each.get("id") == "done"]
        work_id, first = kept["_id"], kept["version"]

        async def change_as_now() -> None:
            for _ in range(_CHANGES):
                await gateway.app.state.ledger.change(work_id, _with_one_more_in_its_source)

        await asyncio.gather(change_as_now(), _change_as_next(url, work_id))
        (kept,) = [each for each in await all_of(url) if each.get("id") == "done"]
    record = json.loads(kept["record"])
    assert kept["version"] == record["version"] == first + 2 * _CHANGES
    assert record["source"].count("+") == _CHANGES
    assert (record[_NEW], kept[_NEW]) == (_CHANGES, _CHANGES)


def _with_one_more_in_its_source(record: Record) -> Record:
    return record.model_copy(update={"source": record.source + "+"})


async def _change_as_next(url: str, work_id: str) -> None:
    """Count in a field that is new, wherever it is kept."""
    async with AsyncMongoClient[Rows](url) as client:
        documents = client.get_default_database()["documents"]
        done = 0
        while done < _CHANGES:
            kept = await documents.find_one({"_id": work_id})
            assert kept is not None
            record = json.loads(kept["record"])
            record[_NEW] = record.get(_NEW, 0) + 1
            record["version"] += 1
            change = {"record": json.dumps(record), "version": record["version"]}
            changed = await documents.update_one(
                {"_id": work_id, "version": kept["version"]},
                {"$set": change | {_NEW: record[_NEW]}},
            )
            done += changed.matched_count
            await asyncio.sleep(0)


async def test_files_of_the_next_release_are_used_by_this_one_again(tmp_path: Path) -> None:
    """Who goes back a release after an upgrade finds all documents, and takes new ones."""
    state = tmp_path / "gateway"
    async with gateway_before_fakes(tmp_path) as (gateway, running):
        await make_documents(gateway, running)
    for file in ("documents", "queue", "webhooks"):
        _add_columns(state / f"{file}.sqlite3")
    async with gateway_before_fakes(tmp_path) as (gateway, running):
        assert (await gateway.final("cut", 60))["status"] == "ready"
        await all_is_found(gateway)
        sent = await gateway.send(tiff(1), request_id="new", pipeline="text")
        assert sent.status_code == 202
        assert (await gateway.final("new", 60))["status"] == "ready"


def _add_columns(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {_NEW} TEXT NOT NULL DEFAULT ''")


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_an_orchestrator_goes_on_with_what_the_next_release_began(
    tmp_path: Path, url: str
) -> None:
    shared: dict[str, Any] = {"store_url": url, "store_lease_seconds": 0.5}
    async with running_orchestrator(tmp_path / "next", **shared) as running:
        hang_after(running.mesh["ocr"], 1)
        await submit(running.stub, "cut", tiff(3))
        async with asyncio.timeout(60):
            while not await _pages(running, "cut"):  # noqa: ASYNC110 - it says no word of it
                await asyncio.sleep(0.05)
        await change_all(url, with_new_fields)
        async with running_orchestrator(tmp_path / "now", **shared) as beside:
            assert await _pages(beside, "cut") == 1
    async with running_orchestrator(tmp_path / "now", **shared) as running:
        found = await running.watch("cut")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        assert sorted(found.pages) == [1, 2, 3]
        assert sorted(running.mesh["ocr"].pages) == ["cut/2", "cut/3"]
    old = [each for each in await all_of(url) if each["_id"] == "cut" or each.get("number") == 1]
    assert len(old) == 2
    assert all(each[_NEW] == {"since": 1} for each in old)


async def _pages(running: Any, name: str) -> int:
    answer = await running.stub.GetDocument(pb.GetDocumentRequest(request_id=name))
    return len(answer.pages)

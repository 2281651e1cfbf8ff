"""Requests through a real broker, the orchestrator and fake models."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from orchestrator.sources.claims import Claim, LocalClaims
from orchestrator.testing import FakeModel, running_orchestrator, tiff
from pagemesh.kafka.client import REPLAY_HEADER
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for pages in (1, 2, 3):
        (folder / f"{pages}.tiff").write_bytes(tiff(pages))
    return folder


async def test_a_request_gets_one_result(client: Client, documents: Path, tmp_path: Path) -> None:
    location = f"file://{documents}/3.tiff"
    async with running_orchestrator(tmp_path / "state", **client.settings(documents)):
        for _ in range(3):  # one piece of work, however often it is sent
            client.send("form", location, pipeline="text", client="tests")
        (result,) = await client.hear("result", 1)
        assert (result["request_id"], result["client"], result["state"]) == (
            "form",
            "tests",
            "SUCCEEDED",
        )
        assert result["pages"] == {"total": 3, "ok": 3, "failed": 0, "skipped": 0}
        assert result["sha256"] == hashlib.sha256(tiff(3)).hexdigest()
        assert result["pipeline"]["name"] == "text"
        whole = ParseDict(json.loads(result["content"]), pb.GetDocumentResponse())
        assert [page.page_number for page in whole.pages] == [1, 2, 3]

        events = await client.hear("event", 3)
        assert sorted(event["page"]["page_number"] for event in events) == [1, 2, 3]
        assert {event["page"]["outcome"] for event in events} == {"OK"}
        assert len(await client.hear_no_more("result")) == 1
        assert not await client.hear_no_more("dead_letter", 0.5)


async def test_a_broken_document_has_a_result_that_says_so(
    client: Client, documents: Path, tmp_path: Path
) -> None:
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    async with running_orchestrator(tmp_path / "state", **client.settings(documents)):
        client.send("broken", f"file://{documents}/broken.pdf")
        client.send("absent", f"file://{documents}/absent.pdf")
        client.send("changed", f"file://{documents}/1.tiff", sha256="0" * 64)
        results = {r["request_id"]: r for r in await client.hear("result", 3)}
    assert {r["state"] for r in results.values()} == {"FAILED"}
    assert results["absent"]["error"]["reason"] == "DOCUMENT_NOT_FOUND"
    assert results["changed"]["error"]["reason"] == "DIGEST_MISMATCH"
    assert results["broken"]["error"]["code"] == "INVALID_ARGUMENT"


async def test_poison_is_a_dead_letter_and_blocks_nobody(
    client: Client, documents: Path, tmp_path: Path
) -> None:
    location = f"file://{documents}/1.tiff"
    poison: list[tuple[bytes | None, str, str]] = [
        (b"not avro", "decode", "BAD_RECORD"),
        (None, "decode", "BAD_RECORD"),
        (b"\0\x7f\xff\xff\xff" + b"x" * 20, "decode", "UNKNOWN_SCHEMA"),
        (b"\0" * 70_000, "decode", "REQUEST_TOO_LARGE"),
    ]
    for value, _, _ in poison:
        client.send_bytes(value, "same-partition")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"request_id": "no such id!"}, "INVALID_INPUT"),
        ({"request_id": "p", "pipeline": "nosuch"}, "UNKNOWN_PIPELINE"),
        ({"request_id": "r", "reply_topic": "elsewhere"}, "REPLY_TOPIC_NOT_ALLOWED"),
        ({"request_id": "d", "dpi": -1}, "INVALID_INPUT"),
    ]
    for request, _ in wrong:
        client.send(**{"location": location, **request})
    client.send(**{"location": location, **wrong[1][0]})  # what is refused is refused once, too
    good = client.codec.encode(
        "request", client.topics.requests, {"request_id": "good", "location": location}
    )
    client.send_bytes(good, "same-partition", headers=[("traceparent", b"nonsense")])
    async with running_orchestrator(tmp_path / "state", **client.settings(documents)):
        (result,) = await client.hear("result", 1)
        assert (result["request_id"], result["state"]) == ("good", "SUCCEEDED")
        letters = await client.hear("dead_letter", len(poison) + len(wrong))
        assert len(await client.hear_no_more("dead_letter", 0.5)) == len(letters)
    by_reason = sorted((each["stage"], each["error"]["reason"]) for each in letters)
    expected = [(stage, reason) for _, stage, reason in poison]
    assert by_reason == sorted(expected + [("check", reason) for _, reason in wrong])
    large = next(each for each in letters if each["error"]["reason"] == "REQUEST_TOO_LARGE")
    assert large["value"] == b"\0" * 70_000
    assert large["value_size_bytes"] == 70_000
    assert {each["topic"] for each in letters} == {client.topics.requests}


async def test_an_id_with_another_request_is_refused(
    client: Client, documents: Path, tmp_path: Path
) -> None:
    async with running_orchestrator(tmp_path / "state", **client.settings(documents)):
        client.send("one", f"file://{documents}/1.tiff")
        await client.hear("result", 1)
        client.send("one", f"file://{documents}/2.tiff")
        (letter,) = await client.hear("dead_letter", 1)
    assert letter["error"]["reason"] == "CONFLICT"
    assert letter["request_id"] == "one"


async def test_passing_trouble_is_retried_and_then_a_dead_letter_that_can_be_replayed(
    client: Client, documents: Path, tmp_path: Path
) -> None:
    settings = client.settings(documents) | {"kafka_max_attempts": 3}
    state = tmp_path / "state"
    location = f"file://{documents}/2.tiff"
    async with running_orchestrator(state, down=["ocr"], **settings):
        client.send("late", location, pipeline="text")
        (letter,) = await client.hear("dead_letter", 1)
    assert (letter["stage"], letter["attempts"], letter["error"]["code"]) == (
        "read",
        3,
        "UNAVAILABLE",
    )
    assert letter["page"] in (1, 2)
    async with running_orchestrator(state, **settings):
        headers = [(REPLAY_HEADER, b"1")]
        client.send_bytes(letter["value"], "late", headers=headers)
        (result,) = await client.hear("result", 1)
        assert (result["state"], result["pages"]["ok"]) == ("SUCCEEDED", 2)


async def test_claims_that_are_away_are_waited_for(
    client: Client, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, failures = LocalClaims.claim, iter(range(5))

    async def away(claims: LocalClaims, *wish: Any, **how: Any) -> Claim:
        if next(failures, None) is not None:
            raise OSError("away")
        return await claim(claims, *wish, **how)

    monkeypatch.setattr(LocalClaims, "claim", away)
    settings = client.settings(documents) | {"kafka_max_attempts": 2}
    async with running_orchestrator(tmp_path / "state", **settings):
        client.send("late", f"file://{documents}/2.tiff", pipeline="text")
        (result,) = await client.hear("result", 1)
    assert result["state"] == "SUCCEEDED"
    assert not await client.hear_no_more("dead_letter", 0.5)


async def test_commands_cancel_and_tell(client: Client, documents: Path, tmp_path: Path) -> None:
    settings = client.settings(documents) | {"kafka_documents_in_flight": 1}
    location = f"file://{documents}/3.tiff"
    async with running_orchestrator(tmp_path / "state", **settings) as running:
        deskew = running.mesh["deskew"]

        async def slow(_request: Any, _fake: FakeModel) -> Any:
            await asyncio.sleep(3600)

        deskew.answer = slow
        client.send("first", location, pipeline="text")
        while not deskew.at_work:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        client.send("second", location, pipeline="text")
        client.command("first", "STATUS")
        (event,) = await client.hear("event", 1)
        assert (event["request_id"], event["state"], event["page"]) == ("first", "PROCESSING", None)
        assert event["pages"]["total"] == 3
        client.command("second", "CANCEL")  # before its turn
        client.command("first", "CANCEL")
        results = await client.hear("result", 2)
    assert {r["request_id"]: r["state"] for r in results} == {
        "first": "CANCELLED",
        "second": "CANCELLED",
    }
    assert results[0]["pages"] == {"total": 3, "ok": 0, "failed": 0, "skipped": 3}

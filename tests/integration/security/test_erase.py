"""An erased document is gone: a word that is in it alone is looked for in every file and store."""

import asyncio
import contextlib
import io
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import s3fs
from pymongo import AsyncMongoClient
from redis.asyncio import Redis as RedisClient
from typer.testing import CliRunner

from gateway.security.keys import create_key
from infra.others import S3, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, Mongo, Redis
from orchestrator.sources.large_results import LargeResults
from orchestrator.testing import RunningOrchestrator, quad, running_orchestrator, tiff
from pagemesh.cli.app import app
from pagemesh.ocr.v1 import ocr_service_pb2 as ocr_pb
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from tests.integration.gateway.conftest import RunningGateway, config_of, running_gateway
from tests.integration.kafka.conftest import Client
from tests.integration.kafka.conftest import client as client  # noqa: PLC0414 - a fixture
from tests.integration.processes import finished, finished_or_unknown, hang_after

PAGES = 3


def word() -> str:
    """A word that is nowhere else."""
    return f"w{uuid.uuid4().hex}"


def reads(running: RunningOrchestrator, said: dict[str, str]) -> None:
    """OCR finds on every page of a document its word, by the beginning of the page's name."""

    async def answer(request: Any, _model: Any) -> Any:
        text = next(v for k, v in said.items() if request.page.page_id.startswith(k))
        line = ocr_pb.TextLine(text=text, quad=quad(1, 1, 9, 9), confidence=0.9)
        return ocr_pb.OcrResult(lines=[line])

    running.mesh["ocr"].answer = answer


def let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of the object store find its credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def document(text: str) -> bytes:
    """A document whose bytes hold a word, too."""
    return tiff(PAGES) + text.encode()


def found_in(folder: Path, *words: str) -> list[str]:
    """Files below a folder that hold one of the words, in their bytes or in their name."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file()
        for each in words
        if each.encode() in path.read_bytes() or each in path.name
    ]


@pytest.fixture
async def orchestrator(tmp_path: Path) -> AsyncIterator[RunningOrchestrator]:
    roots = (tmp_path / "gateway" / "uploads",)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options: dict[str, Any] = {"scratch_dir": scratch, "reuse_clients": ("",)}
    async with running_orchestrator(
        tmp_path / "orchestrator", file_roots=roots, **options
    ) as running:
        yield running


async def test_among_others_one_document_is_erased_from_the_orchestrator(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> None:
    """Others lie before and behind it in the same file, and stay."""
    said = {f"d{n:02}": word() for n in range(16)}
    reads(orchestrator, said)
    for name, text in said.items():
        await orchestrator.analyze(document(text), request_id=name, pipeline="text")
    store = tmp_path / "orchestrator"
    assert all(found_in(store, text) for text in said.values())
    for name in ("d04", "d09", "d15"):
        done = await orchestrator.stub.EraseDocument(pb.EraseDocumentRequest(request_id=name))
        assert {each.what: each.count for each in done.erasures} == {
            "documents in documents.sqlite3": 1,
            "pages in documents.sqlite3": PAGES,
        }
        assert found_in(tmp_path, said.pop(name)) == []
    assert all(found_in(store, text) for text in said.values())


async def test_work_on_an_erased_document_stops_and_its_upload_is_gone(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> None:
    text = word()
    hang_after(orchestrator.mesh["deskew"], 1)
    spec = pb.DocumentSpec(request_id="cut", pipeline="text", filename=f"{text}.tiff")
    content = document(text)
    await orchestrator.stub.SubmitDocument(pb.SubmitDocumentRequest(spec=spec, content=content))
    watching = asyncio.create_task(orchestrator.watch("cut"))
    await finished(orchestrator.stub, "cut", 1)
    assert len(found_in(tmp_path, text)) >= 2
    erasing = CliRunner().invoke
    done = await asyncio.to_thread(erasing, app, ["erase", "cut", "--server", orchestrator.address])
    assert done.exit_code == 0, done.output
    assert "erased   1 uploads" in done.output
    assert found_in(tmp_path, text) == []
    with contextlib.suppress(Exception):
        await watching
    again = await asyncio.to_thread(
        erasing, app, ["erase", "cut", "--server", orchestrator.address]
    )
    assert "nothing was kept of cut" in again.output


async def test_the_gateway_erases_what_it_keeps_and_has_the_orchestrator_do_so(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> None:
    text = word()
    keys = tmp_path / "keys.json"
    billing, other, admin = (
        create_key(keys, "billing"),
        create_key(keys, "other"),
        create_key(keys, "ops", is_admin=True),
    )
    config = config_of(tmp_path, orchestrator.address, api_keys_file=keys)
    async with running_gateway(config) as gateway:
        for name in ("erased", "kept"):
            await sent_and_seen(gateway, orchestrator, billing, name, text)
        assert {Path(path).parent.name for path in found_in(tmp_path, text)} >= {
            "gateway",
            "orchestrator",
            "uploads",
        }
        assert await erased_by(gateway, other, "erased", client="billing") == 403
        assert await erased_by(gateway, other, "erased") == 404  # it has none of this name
        assert (await gateway.http.get("/v1/documents/erased", headers=of(billing))).is_success
        url = str(gateway.http.base_url)
        told = await asyncio.to_thread(
            CliRunner().invoke,
            app,
            ["erase", "erased", "--gateway", url, "--api-key", billing],
        )
        assert told.exit_code == 0, told.output
        for what in ("1 uploads", f"{PAGES} pages in the gateway's store", "2 pictures of pages"):
            assert f"erased   {what}" in told.output
        gone = await gateway.http.get("/v1/documents/erased", headers=of(billing))
        assert gone.status_code == 404
        assert found_in(tmp_path, text) != []
        assert await erased_by(gateway, admin, "kept", client="billing") == 200
        assert found_in(tmp_path, text) == []
        assert found_in(tmp_path / "gateway", "erased", "kept") == []


async def test_a_document_that_is_being_read_is_erased_by_rest(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> None:
    """And is not handed on again by what still had it in hand."""
    text, name, deskew = word(), word(), orchestrator.mesh["deskew"]
    answer = deskew.answer
    hang_after(deskew, 1)
    async with running_gateway(config_of(tmp_path, orchestrator.address)) as gateway:
        sent = await gateway.send(document(text), request_id=name, pipeline="text")
        assert sent.status_code == 202
        await finished_or_unknown(orchestrator.stub, name, 1)
        assert await erased_by(gateway, "", name) == 200
        assert found_in(tmp_path, text, name) == []
        deskew.answer = answer
        await gateway.send(document(word()), request_id="another", pipeline="text")
        await gateway.final("another")
        assert (await gateway.http.get(f"/v1/documents/{name}")).status_code == 404
        assert found_in(tmp_path, text, name) == []


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_databases_caches_and_buckets_forget_it(
    tmp_path: Path,
    mongo: Mongo,
    redis: Redis,
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked for in what a client of the database, of Redis and of the bucket sees."""
    let_in(monkeypatch)
    text, prefix = word(), f"uploads-{uuid.uuid4().hex[:8]}"
    urls = [mongo.database_url(f"erase-{uuid.uuid4().hex[:8]}") for _ in range(2)]
    stored: dict[str, Any] = {"s3_buckets": (S3_BUCKET,), "s3_endpoint": s3.url}
    async with running_orchestrator(tmp_path / "o", store_url=urls[0], **stored) as running:
        config = config_of(
            tmp_path,
            running.address,
            store_url=urls[1],
            cache_url=redis.url,
            uploads_location=f"s3://{S3_BUCKET}/{prefix}",
            s3_endpoint=s3.url,
        )
        async with running_gateway(config) as gateway:
            await sent_and_seen(gateway, running, "", "erased", text)
            everywhere = [*urls, redis.url, f"{s3.url}/{prefix}"]
            async with asyncio.timeout(60):
                while await holding(everywhere, text) != everywhere:
                    await gateway.http.get("/v1/documents/erased")  # until the cache has it
                    await asyncio.sleep(0.5)
            assert await erased_by(gateway, "", "erased") == 200
            assert await holding(everywhere, text) == []
    assert found_in(tmp_path, text) == []


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_large_results_are_erased_but_those_of_a_later_document(
    tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(monkeypatch)
    place, text = f"results-{uuid.uuid4().hex[:8]}", word()
    large = LargeResults(f"s3://{S3_BUCKET}/{place}", s3.url)
    content = tmp_path / "content"
    content.write_text(text)
    await large.put("erased", "00", content)
    await large.put("erased", "01", content)
    assert await large.erase("another") == 0
    assert await large.erase("erased", written_before=1.0) == 0
    assert text in await everything_in(f"{s3.url}/{place}")
    assert await large.erase("erased") == 2
    assert await everything_in(f"{s3.url}/{place}") == ""
    assert await large.erase("erased") == 0


@pytest.mark.xdist_group("services")
@pytest.mark.timeout(300)
async def test_orchestrators_hear_of_it_by_kafka(client: Client, tmp_path: Path) -> None:
    """Also one that was away; a later document of the same id stays."""
    text, later, state = word(), word(), tmp_path / "state"
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    async with running_orchestrator(state, **client.settings(tmp_path)) as running:
        reads(running, {"one": text})
        client.send("one", f"file://{tmp_path}/1.tiff", pipeline="text")
        await client.hear("result", 1)
    assert found_in(state, text)
    client.command("one", "ERASE")
    async with running_orchestrator(state, **client.settings(tmp_path)) as running:
        async with asyncio.timeout(60):
            while found_in(state, text):  # noqa: ASYNC110 - nothing tells when it is gone
                await asyncio.sleep(0.05)
        reads(running, {"one": later})
        await running.analyze(tiff(1), request_id="one", pipeline="text")
    async with running_orchestrator(state, **client.settings(tmp_path)):
        client.send("two", f"file://{tmp_path}/1.tiff", pipeline="text")
        await client.hear("result", 2)  # it listens; ERASE is heard once more before STATUS
        client.command("one", "STATUS")
        heard = await client.hear("event", 3)
    told = [each["state"] for each in heard if each["request_id"] == "one" and not each["page"]]
    assert told == ["SUCCEEDED"]
    assert found_in(state, later)


async def sent_and_seen(
    gateway: RunningGateway, running: RunningOrchestrator, key: str, name: str, text: str
) -> None:
    """A document that was read, shown with its result, and whose first page was looked at."""

    async def answer(_request: Any, _model: Any) -> Any:
        line = ocr_pb.TextLine(text=text, quad=quad(1, 1, 9, 9), confidence=0.9)
        return ocr_pb.OcrResult(lines=[line])

    running.mesh["ocr"].answer = answer
    gateway.http.headers.update(of(key))
    sent = await gateway.http.post(
        "/v1/documents",
        files={"file": (f"{text}.tiff", io.BytesIO(document(text)))},
        data={"request_id": name, "pipeline": "text"},
    )
    assert sent.status_code == 202, sent.text
    found = await gateway.final(name)
    assert text in str(found["result"])
    image = f"/v1/documents/{name}/pages/1/image"
    for url in (image, f"{image}?width=64"):
        assert (await gateway.http.get(url)).status_code == 200


async def erased_by(gateway: RunningGateway, key: str, name: str, **params: str) -> int:
    answer: httpx.Response = await gateway.http.post(
        f"/v1/documents/{name}/erase", params=params, headers=of(key)
    )
    return answer.status_code


def of(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


async def holding(places: list[str], text: str) -> list[str]:
    """Which of the places hold a word: everything in them is read."""
    return [place for place in places if text in await everything_in(place)]


async def everything_in(place: str) -> str:
    if place.startswith("mongodb"):
        return await _in_database(place)
    if place.startswith("redis"):
        return await _in_redis(place)
    return await _in_bucket(place)


async def _in_database(url: str) -> str:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    try:
        database = client.get_default_database()
        said = ""
        for name in await database.list_collection_names():
            async for row in database[name].find({}):
                said += "".join(_text(value) for value in row.values())
        return said
    finally:
        await client.close()


async def _in_redis(url: str) -> str:
    client: Any = RedisClient.from_url(url)
    try:
        keys = [key async for key in client.scan_iter("pagemesh:*")]
        return "".join([_text(await client.get(key)) for key in keys])
    finally:
        await client.aclose()


async def _in_bucket(place: str) -> str:
    endpoint, _, prefix = place.rpartition("/")
    store: Any = s3fs.S3FileSystem(
        asynchronous=True, skip_instance_cache=True, endpoint_url=endpoint
    )
    session = await store.set_session()
    try:
        folder = f"{S3_BUCKET}/{prefix}"
        keys = [key for key in await store._find(folder) if key != folder]
        return "".join([_text(await store._cat_file(key)) for key in keys])
    finally:
        await session.close()


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)

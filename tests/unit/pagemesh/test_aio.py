"""The asynchronous client against a real server that plays a script."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meshkit.errors import DependencyUnavailable, InvalidInput, NotFound, Overloaded
from meshkit.testing import running_server
from pagemesh import AsyncClient
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.unit.pagemesh import results
from tests.unit.pagemesh.scripted import ScriptedOrchestrator


@pytest.fixture
def orchestrator() -> ScriptedOrchestrator:
    pages = [results.page_result(number) for number in (2, 1, 3)]
    return ScriptedOrchestrator(pages, results.document(*pages))


@pytest.fixture
async def client(orchestrator: ScriptedOrchestrator) -> AsyncIterator[AsyncClient]:
    async with running_server(orchestrator) as server, AsyncClient(server.address) as client:
        yield client


async def test_pages_come_as_they_are_ready(client: AsyncClient) -> None:
    stream = client.analyze(b"pixels")
    assert not stream.document.source
    assert [page.page_number async for page in stream] == [2, 1, 3]
    assert stream.document.state == documents.DOCUMENT_STATE_SUCCEEDED


async def test_events_tell_of_the_account_too(client: AsyncClient) -> None:
    kinds = [type(event).__name__ async for event in client.analyze(b"pixels").events()]
    assert kinds == ["Document", "PageResult", "PageResult", "PageResult", "Document"]


async def test_collect_gives_the_whole_by_page_number(client: AsyncClient) -> None:
    whole = await client.analyze(b"pixels").collect()
    assert [page.page_number for page in whole.pages] == [1, 2, 3]
    assert whole.document.pages.ok == 3


async def test_the_request_carries_everything(
    client: AsyncClient, orchestrator: ScriptedOrchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "form.pdf"
    path.write_bytes(bytes(range(256)) * 10_000)
    await client.analyze(
        path,
        pipeline="text",
        pages="1-3",
        password="secret",  # noqa: S106 - of a test
        dpi=300,
        options={"ocr.tier": "fast"},
        timeout=2.5,
        request_id="r-1",
    ).collect()

    spec = orchestrator.specs[0]
    assert (spec.filename, spec.location, spec.pipeline) == ("form.pdf", "", "text")
    assert (spec.pages, spec.password, spec.dpi) == ("1-3", "secret", 300)
    assert dict(spec.options) == {"ocr.tier": "fast"}
    assert spec.timeout.ToMilliseconds() == 2500
    assert spec.request_id == "r-1"
    assert orchestrator.contents == [path.read_bytes()]


async def test_a_location_is_not_read_here(
    client: AsyncClient, orchestrator: ScriptedOrchestrator
) -> None:
    await client.analyze("https://host/form.pdf").collect()
    await client.submit("s3://bucket/form.pdf")
    assert [spec.location for spec in orchestrator.specs] == [
        "https://host/form.pdf",
        "s3://bucket/form.pdf",
    ]
    assert orchestrator.contents == [b"", b""]


async def test_an_error_is_the_service_s_own(
    client: AsyncClient, orchestrator: ScriptedOrchestrator
) -> None:
    orchestrator.error = Overloaded("too many documents", metadata={"limit": "4"}, retry_after=2.5)
    stream = client.analyze(b"pixels")
    with pytest.raises(Overloaded, match="too many documents") as caught:
        await stream.collect()
    assert caught.value.reason == "OVERLOADED"
    assert caught.value.metadata == {"limit": "4"}
    assert caught.value.retry_after == pytest.approx(2.5)
    with pytest.raises(Overloaded):
        await client.get("r")


async def test_an_orchestrator_that_is_not_there(unused_tcp_port: int) -> None:
    async with AsyncClient(f"127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(DependencyUnavailable, match="no orchestrator answers at") as caught:
            await client.pipelines()
        assert caught.value.reason == "ORCHESTRATOR_UNREACHABLE"
        with pytest.raises(DependencyUnavailable, match="no orchestrator answers at"):
            await client.analyze(b"pixels").collect()


@pytest.mark.parametrize("name", ["nothing.pdf", "."])
async def test_a_file_that_cannot_be_read(
    client: AsyncClient, orchestrator: ScriptedOrchestrator, tmp_path: Path, name: str
) -> None:
    expected = InvalidInput if name == "." else NotFound
    with pytest.raises(expected, match=str(tmp_path)):
        await client.analyze(tmp_path / name).collect()
    with pytest.raises(expected, match=str(tmp_path)):
        await client.submit(tmp_path / name)
    assert orchestrator.specs == []


async def test_a_file_that_stops_being_readable(client: AsyncClient) -> None:
    # Reading a process's memory at address 0 is an input/output error after a successful open.
    with pytest.raises(InvalidInput, match="/proc/self/mem cannot be read"):
        await client.analyze("/proc/self/mem").collect()


@pytest.mark.parametrize("how", [{"dpi": -1}, {"timeout": 0.0}, {"timeout": float("nan")}])
async def test_values_that_no_request_can_carry(client: AsyncClient, how: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(how))):
        client.analyze(b"pixels", **how)  # type: ignore[arg-type]


async def test_leaving_a_stream_cancels_the_work(
    client: AsyncClient, orchestrator: ScriptedOrchestrator
) -> None:
    orchestrator.hold = True
    stream = client.analyze(b"pixels")
    events = stream.events()
    await anext(events)
    await stream.aclose()
    await asyncio.wait_for(orchestrator.left.wait(), 10)
    await stream.aclose()


async def test_background_work(client: AsyncClient, orchestrator: ScriptedOrchestrator) -> None:
    taken = await client.submit(b"pixels", pipeline="text", filename="scan.png")
    assert taken.state == documents.DOCUMENT_STATE_QUEUED
    assert orchestrator.specs[0].filename == "scan.png"
    assert orchestrator.contents == [b"pixels"]
    assert [page.page_number async for page in client.watch("r")] == [2, 1, 3]
    whole = await client.get("r")
    assert [page.page_number for page in whole.pages] == [2, 1, 3]
    assert not whole.next_page_token
    cancelled = await client.cancel("r-7")
    assert (cancelled.request_id, cancelled.state) == ("r-7", documents.DOCUMENT_STATE_CANCELLED)


async def test_pipelines(client: AsyncClient) -> None:
    (pipeline,) = await client.pipelines()
    assert pipeline.identity.name == "text"
    assert pipeline.is_default


async def test_a_closed_client_opens_anew(client: AsyncClient) -> None:
    await client.pipelines()
    await client.close()
    await client.close()
    assert len(await client.pipelines()) == 1

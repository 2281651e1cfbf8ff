"""The synchronous client, and what importing the package does."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

import pagemesh
from meshkit.errors import Conflict
from meshkit.testing import running_server
from pagemesh import Client
from pagemesh.loop import LoopThread
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.unit.pagemesh import results
from tests.unit.pagemesh.scripted import ScriptedOrchestrator


@pytest.fixture
def orchestrator() -> ScriptedOrchestrator:
    pages = [results.page_result(number) for number in (2, 1)]
    return ScriptedOrchestrator(pages, results.document(*pages))


@pytest.fixture
def client(orchestrator: ScriptedOrchestrator) -> Iterator[Client]:
    """A client of a server that runs in a loop of another thread."""
    loop = LoopThread("test-server")
    running = running_server(orchestrator)
    address = loop.run(running.__aenter__()).address
    try:
        with Client(address) as client:
            yield client
    finally:
        loop.run(running.__aexit__(None, None, None))
        loop.close()


def test_pages_come_as_they_are_ready(client: Client) -> None:
    pages = client.analyze(b"pixels", pipeline="text")
    assert [page.page_number for page in pages] == [2, 1]
    assert pages.document.state == documents.DOCUMENT_STATE_SUCCEEDED


def test_everything_else_is_as_in_the_asynchronous_client(client: Client) -> None:
    assert [page.page_number for page in client.analyze(b"pixels").collect().pages] == [1, 2]
    assert client.submit(b"pixels").state == documents.DOCUMENT_STATE_QUEUED
    assert [page.page_number for page in client.watch("r")] == [2, 1]
    assert len(client.get("r").pages) == 2
    assert client.cancel("r").state == documents.DOCUMENT_STATE_CANCELLED
    assert [(each.what, each.count) for each in client.erase("r").erasures] == [("pages of r", 2)]
    assert [pipeline.identity.name for pipeline in client.pipelines()] == ["text"]


def test_an_error_is_the_service_s_own(client: Client, orchestrator: ScriptedOrchestrator) -> None:
    orchestrator.error = Conflict("the id is taken", metadata={"request_id": "r"})
    with pytest.raises(Conflict, match="the id is taken") as caught:
        client.analyze(b"pixels").collect()
    assert caught.value.metadata == {"request_id": "r"}


def test_leaving_the_pages_cancels_the_work(
    client: Client, orchestrator: ScriptedOrchestrator
) -> None:
    orchestrator.hold = True
    for _ in client.analyze(b"pixels"):
        break
    loop = LoopThread("wait")
    loop.run(_until(orchestrator.left))
    loop.close()


async def _until(event: asyncio.Event) -> None:
    async with asyncio.timeout(60):
        while not event.is_set():  # noqa: ASYNC110 - the event belongs to another loop
            await asyncio.sleep(0.01)


async def test_it_works_where_a_loop_runs_already(client: Client) -> None:
    assert len(client.pipelines()) == 1


def test_a_closed_client_says_so(client: Client) -> None:
    pages = client.analyze(b"pixels")
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.pipelines()
    with pytest.raises(RuntimeError, match="the client is closed"):
        pages.collect()


def test_the_package_exports_the_clients() -> None:
    assert pagemesh.__all__ == ["AsyncClient", "Client"]
    assert all(hasattr(pagemesh, name) for name in pagemesh.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = pagemesh.Nothing


def test_importing_stubs_imports_nothing_else() -> None:
    script = (
        "import sys, pagemesh.ocr.v1.ocr_service_pb2\n"
        "heavy = {'grpc', 'cv2', 'numpy', 'rich', 'typer', 'orchestrator', 'meshkit'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

"""The producer and the consumer of docs/kafka.md do what it says."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from orchestrator.testing import running_orchestrator, tiff
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

DOCUMENT = Path(__file__).parents[3] / "docs" / "kafka.md"


def programs(client: Client, location: str) -> list[str]:
    """Both, with this test's addresses and topics in place of the document's."""
    here = {
        "http://127.0.0.1:28081/apis/ccompat/v7": client.connection.registry,
        "127.0.0.1:29092": client.connection.brokers,
        "pagemesh.requests": client.topics.requests,
        "pagemesh.results": client.topics.results,
        "s3://forms/4711.pdf": location,
        '"application_form"': '"text"',
    }
    texts = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    for there, ours in here.items():
        assert any(there in text for text in texts), there
        texts = [text.replace(there, ours) for text in texts]
    return texts


async def test_the_documents_producer_and_consumer_work(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.tiff").write_bytes(tiff(1))
    producer, consumer = programs(client, f"file://{tmp_path}/a.tiff")
    assert max(len(text.splitlines()) for text in (producer, consumer)) <= 20
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        sending = await asyncio.create_subprocess_exec(sys.executable, "-c", producer)
        assert await sending.wait() == 0
        listening = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-c", consumer), stdout=asyncio.subprocess.PIPE
        )
        assert listening.stdout is not None
        async with asyncio.timeout(120):
            told = await listening.stdout.readline()
            page = await listening.stdout.readline()
        listening.kill()
        await listening.communicate()
    assert told.decode().startswith("claim-4711 SUCCEEDED")
    assert page.decode().startswith("1 [")

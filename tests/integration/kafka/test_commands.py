"""`pagemesh submit`, `result`, `dlq` against a real broker, and large results in a real store."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import s3fs
import yaml
from typer.testing import CliRunner

from infra.others import S3, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY
from orchestrator.testing import running_orchestrator, tiff
from pagemesh.cli.app import app
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]


@pytest.fixture
def options(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands need to find this test's topics."""
    config = tmp_path / "kafka.yaml"
    config.write_text(yaml.safe_dump({"topics": vars(client.topics)}))
    monkeypatch.setenv("PAGEMESH_KAFKA_BROKERS", client.connection.brokers)
    monkeypatch.setenv("PAGEMESH_KAFKA_REGISTRY", client.connection.registry)
    monkeypatch.setenv("PAGEMESH_KAFKA_CONFIG", str(config))
    (tmp_path / "1.tiff").write_bytes(tiff(1))


async def pagemesh(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_submit_and_result(client: Client, options: None, tmp_path: Path) -> None:
    location = f"file://{tmp_path}/1.tiff"
    sent = await pagemesh("submit", location, "--request-id", "one", "--pipeline", "text")
    assert (sent.exit_code, sent.output) == (0, "one\n")
    early = await pagemesh("result", "one")
    assert early.exit_code == 1
    assert "no result yet" in early.stderr
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        found = await pagemesh("result", "one", "--wait", "--timeout", "60")
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert (result["state"], result["pages"]["ok"]) == ("SUCCEEDED", 1)
    assert result["content"]["pages"][0]["pageNumber"] == 1


async def test_dead_letters_are_listed_shown_and_replayed(
    client: Client, options: None, tmp_path: Path
) -> None:
    settings = client.settings(tmp_path) | {"kafka_max_attempts": 2}
    await pagemesh("submit", f"file://{tmp_path}/1.tiff", "--request-id", "one")
    client.send_bytes(b"poison")
    async with running_orchestrator(tmp_path / "state", down=["deskew"], **settings):
        await client.hear("dead_letter", 2)
    given_up = await pagemesh("result", "one")
    assert given_up.exit_code == 1
    assert json.loads(given_up.stdout)["stage"] == "read"

    listed = await pagemesh("dlq", "list")
    assert listed.exit_code == 0, listed.output
    (line,) = [line.split() for line in listed.output.splitlines() if " one " in line]
    assert line[1:5] == ["one", "read", "1", "2"]
    assert "BAD_RECORD" in listed.output
    shown = await pagemesh("dlq", "show", line[0])
    assert json.loads(shown.stdout)["error"]["code"] == "UNAVAILABLE"

    replayed = await pagemesh("dlq", "replay", line[0])
    assert replayed.exit_code == 0, replayed.output
    async with running_orchestrator(tmp_path / "state", **settings):
        found = await pagemesh("result", "one", "--wait", "--timeout", "60")
    assert json.loads(found.stdout)["state"] == "SUCCEEDED"


async def test_mistakes_are_told(options: None, tmp_path: Path) -> None:
    absent = await pagemesh("dlq", "show", "nowhere")
    assert "PARTITION/OFFSET" in str(absent.exception)
    (tmp_path / "kafka.yaml").write_text("security: SASL_SSL\n")
    wrong = await pagemesh("result", "one")
    assert "sasl_mechanism goes with" in str(wrong.exception)


async def test_large_results_go_to_the_store(
    client: Client, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (tmp_path / "9.tiff").write_bytes(tiff(9))
    stored: dict[str, Any] = {
        "kafka_max_record_bytes": 10_000,
        "kafka_results_location": f"s3://{S3_BUCKET}/results",
        "s3_endpoint": s3.url,
    }
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path), **stored):
        client.send("large", f"file://{tmp_path}/9.tiff")
        (result,) = await client.hear("result", 1)
    assert result["content"] is None
    reference = result["reference"]
    store = s3fs.S3FileSystem(asynchronous=True, skip_instance_cache=True, endpoint_url=s3.url)
    session = await store.set_session()
    content = await store._cat_file(reference["location"].removeprefix("s3://"))
    await session.close()
    assert len(content) == reference["size_bytes"] > 10_000
    assert hashlib.sha256(content).hexdigest() == reference["sha256"]
    assert len(json.loads(content)["pages"]) == 9


async def test_a_large_result_without_a_store_says_so(client: Client, tmp_path: Path) -> None:
    (tmp_path / "9.tiff").write_bytes(tiff(9))
    settings = client.settings(tmp_path) | {"kafka_max_record_bytes": 10_000}
    async with running_orchestrator(tmp_path / "state", **settings):
        client.send("large", f"file://{tmp_path}/9.tiff")
        (result,) = await client.hear("result", 1)
    assert (result["content"], result["reference"]) == (None, None)
    assert "no kafka_results_location is configured" in result["content_note"]

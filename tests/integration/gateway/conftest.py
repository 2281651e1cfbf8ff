"""A gateway that really listens, before an orchestrator that does, before models that are fakes."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.server import GatewayServer, server_of
from infra.kafka_broker import KafkaBroker
from infra.others import SchemaRegistry
from orchestrator.testing import RunningOrchestrator, running_orchestrator
from pagemesh.kafka.connection import Connection
from pagemesh.kafka.topics import Topics, create_topics

Json = dict[str, Any]
Knobs = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A server-sent event."""

    name: str
    id: str
    data: Json


@dataclass
class RunningGateway:
    """A gateway, its application and a client of it."""

    app: FastAPI
    server: GatewayServer
    http: httpx.AsyncClient

    async def send(self, content: bytes, **fields: str) -> httpx.Response:
        """Upload a document."""
        return await self.http.post(
            "/v1/documents", files={"file": ("scan.tiff", content)}, data=fields
        )

    async def final(self, document_id: str, within: float = 60.0) -> Json:
        """The document once it is at its end."""
        async with asyncio.timeout(within):
            while True:
                answer = await self.http.get(f"/v1/documents/{document_id}")
                assert answer.status_code == 200, answer.text
                found: Json = answer.json()
                if found["status"] not in {"queued", "processing"}:
                    return found
                await asyncio.sleep(0.02)

    async def events(self, document_id: str, last: str | None = None) -> AsyncIterator[Event]:
        """The document's events to their end."""
        headers = {"Last-Event-ID": last} if last is not None else {}
        url = f"/v1/documents/{document_id}/events"
        async with self.http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200
            lines: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name:
                    lines[name] = value
                elif "event" in lines:
                    yield Event(lines["event"], lines["id"], json.loads(lines["data"]))
                    lines = {}


@contextlib.asynccontextmanager
async def running_gateway(config: GatewayConfig) -> AsyncIterator[RunningGateway]:
    """A gateway on a free port of 127.0.0.1."""
    app = create_app(config)
    server = server_of(app, config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(60):
            while not server.started:
                if serving.done():
                    serving.result()
                    raise AssertionError("the gateway did not start")
                await asyncio.sleep(0.005)
        async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
            yield RunningGateway(app, server, http)
    finally:
        server.should_exit = True
        await serving


def config_of(folder: Path, orchestrator: str, **knobs: Any) -> GatewayConfig:
    """A configuration for a test."""
    return GatewayConfig(
        port=0, state_dir=folder / "gateway", orchestrator_target=orchestrator, **knobs
    )


@pytest.fixture
async def orchestrator(tmp_path: Path) -> AsyncIterator[RunningOrchestrator]:
    roots = (tmp_path / "gateway" / "uploads", tmp_path / "documents")
    async with running_orchestrator(tmp_path / "orchestrator", file_roots=roots) as running:
        yield running


@pytest.fixture
async def gateway(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> AsyncIterator[RunningGateway]:
    async with running_gateway(config_of(tmp_path, orchestrator.address)) as running:
        yield running


@pytest.fixture
def kafka(broker: KafkaBroker, registry: SchemaRegistry) -> Knobs:
    """What gateway and orchestrator share, with topics of this test's own."""
    name = uuid.uuid4().hex[:8]
    topics = Topics(*(f"{name}.{part}" for part in vars(Topics())))
    connection = Connection(brokers=broker.url, registry=registry.url)
    create_topics(connection, topics, partitions=2, replication=1)
    return {
        "kafka_brokers": broker.url,
        "kafka_registry": registry.url,
        "kafka_group": name,
        **{f"kafka_{part}_topic": topic for part, topic in vars(topics).items()},
    }

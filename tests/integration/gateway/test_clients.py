"""Who may ask: API keys, each client's own documents, how often, and what is written down of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.security.keys import create_key, read_keys, revoke_key
from infra.others import Redis
from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import RunningGateway, config_of, running_gateway


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@dataclass
class Guarded:
    """A gateway that knows two clients."""

    gateway: RunningGateway
    keys: Path
    billing: dict[str, str]
    claims: dict[str, str]

    async def send(self, client: dict[str, str], document_id: str, pages: int = 1) -> Any:
        return await self.gateway.http.post(
            "/v1/documents",
            files={"file": ("scan.tiff", tiff(pages))},
            data={"request_id": document_id},
            headers=client,
        )

    async def get(self, client: dict[str, str], path: str) -> Any:
        return await self.gateway.http.get(path, headers=client)

    async def final(self, client: dict[str, str], document_id: str) -> Any:
        async with asyncio.timeout(60):
            while True:
                found = (await self.get(client, f"/v1/documents/{document_id}")).json()
                if found["status"] not in {"queued", "processing"}:
                    return found
                await asyncio.sleep(0.02)


@pytest.fixture
async def guarded(tmp_path: Path, orchestrator: RunningOrchestrator) -> AsyncIterator[Guarded]:
    keys = tmp_path / "keys.json"
    billing, claims = (bearer(create_key(keys, name)) for name in ("billing", "claims"))
    config = config_of(tmp_path, orchestrator.address, api_keys_file=keys)
    async with running_gateway(config) as gateway:
        yield Guarded(gateway, keys, billing, claims)


def operations(gateway: RunningGateway, document_id: str) -> list[tuple[str, str]]:
    """Method and path of all that the gateway says it can, for one document's first page."""
    paths: dict[str, dict[str, Any]] = gateway.app.openapi()["paths"]
    return [
        (method.upper(), path.replace("{id}", document_id).replace("{n}", "1"))
        for path, told in paths.items()
        for method in told
    ]


async def test_nobody_gets_in_without_saying_who_it_is(guarded: Guarded) -> None:
    asked = operations(guarded.gateway, "x")
    assert len(asked) > 8
    for method, path in asked:
        for headers in ({}, bearer("pm_0123_nobody"), {"X-API-Key": "pm_"}, bearer("a.b.c")):
            answer = await guarded.gateway.http.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (401, "NOT_AUTHENTICATED"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_clients_document_is_not_there_in_any_route(guarded: Guarded) -> None:
    assert (await guarded.send(guarded.billing, "mine")).status_code == 202
    assert (await guarded.final(guarded.billing, "mine"))["status"] == "ready"
    routes = [(m, p) for m, p in operations(guarded.gateway, "mine") if "/mine" in p]
    assert len(routes) > 5
    for method, path in routes:
        answer = await guarded.gateway.http.request(method, path, headers=guarded.claims)
        assert (answer.status_code, answer.json()["reason"]) == (404, "DOCUMENT_NOT_FOUND"), path
    assert (await guarded.get(guarded.claims, "/v1/documents")).json()["documents"] == []
    assert (await guarded.get(guarded.billing, "/v1/documents/mine")).json()["status"] == "ready"


async def test_clients_may_choose_the_same_id(guarded: Guarded) -> None:
    assert (await guarded.send(guarded.billing, "one", pages=1)).status_code == 202
    assert (await guarded.send(guarded.claims, "one", pages=2)).status_code == 202
    for client, pages in ((guarded.billing, 1), (guarded.claims, 2)):
        assert (await guarded.final(client, "one"))["pages"]["ok"] == pages


async def test_a_revoked_key_opens_nothing_and_a_new_one_does(guarded: Guarded) -> None:
    key = {"X-API-Key": create_key(guarded.keys, "billing")}
    await asyncio.sleep(1.1)
    assert (await guarded.get(key, "/v1/documents")).status_code == 200
    revoke_key(guarded.keys, read_keys(guarded.keys)[-1].id)
    await asyncio.sleep(1.1)
    assert (await guarded.get(key, "/v1/documents")).status_code == 401
    assert (await guarded.get(guarded.billing, "/v1/documents")).status_code == 200


async def test_a_client_that_asks_too_often_waits(
    tmp_path: Path, orchestrator: RunningOrchestrator
) -> None:
    keys = tmp_path / "keys.json"
    first, second = (bearer(create_key(keys, name)) for name in ("first", "second"))
    # days, since a window that ends in between lets one more pass
    knobs = {"api_keys_file": keys, "request_rate": "6/day", "document_rate": "2/day"}
    async with running_gateway(config_of(tmp_path, orchestrator.address, **knobs)) as gateway:
        guarded = Guarded(gateway, keys, first, second)
        sent = [await guarded.send(first, f"d{number}") for number in range(3)]
        assert [answer.status_code for answer in sent] == [202, 202, 429]
        assert sent[2].json()["metadata"] == {"limited": "document"}
        assert 0 < int(sent[2].headers["retry-after"]) <= 24 * 3600  # to the end of the day
        asked = [await guarded.get(first, "/v1/documents") for _ in range(4)]
        assert [answer.status_code for answer in asked] == [200, 200, 200, 429]
        assert asked[3].json()["reason"] == "RATE_EXCEEDED"
        assert 1 <= int(asked[3].headers["retry-after"]) <= 24 * 3600
        assert (await guarded.get(second, "/v1/documents")).status_code == 200


@pytest.mark.xdist_group("services")
async def test_gateways_count_together_in_redis_and_go_on_without_it(
    tmp_path: Path, orchestrator: RunningOrchestrator, redis: Redis
) -> None:
    keys = tmp_path / "keys.json"
    client = bearer(create_key(keys, "both"))
    knobs = {"api_keys_file": keys, "request_rate": "4/day", "limits_url": redis.url}
    here = config_of(tmp_path / "here", orchestrator.address, **knobs)
    there = config_of(tmp_path / "there", orchestrator.address, **knobs)
    async with running_gateway(here) as one, running_gateway(there) as other:
        gateways = [one, other]
        answers = [
            (await gateways[number % 2].http.get("/v1/documents", headers=client)).status_code
            for number in range(6)
        ]
        assert answers == [200, 200, 200, 200, 429, 429]
        redis.kill()
        try:
            answer = await one.http.get("/v1/documents", headers=client)
            assert answer.status_code == 200
        finally:
            redis.start()


async def test_each_request_is_written_down(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pagemesh.audit")
    await guarded.send(guarded.billing, "watched")
    await guarded.get(guarded.claims, "/v1/documents/watched")
    await guarded.get({}, "/v1/documents/watched")
    lines = [
        {name: getattr(record, name, None) for name in ("method", "route", "status", "client")}
        | {"document": getattr(record, "document", None)}
        for record in caplog.records
        if record.name == "pagemesh.audit"
    ]
    path = "/v1/documents"
    post = {"method": "POST", "route": path, "status": 202, "client": "billing"}
    get = {"method": "GET", "route": f"{path}/{{id}}", "document": "watched"}
    assert lines == [
        post | {"document": "watched"},
        get | {"status": 404, "client": "claims"},
        get | {"status": 401, "client": None},
    ]
    key_id = read_keys(guarded.keys)[0].id
    assert vars(caplog.records[-3])["credential"] == f"key {key_id}"


async def test_pages_of_other_sites_may_not_ask_unless_they_are_named(
    tmp_path: Path, orchestrator: RunningOrchestrator, gateway: RunningGateway
) -> None:
    site = {"Origin": "https://intranet.example"}
    answer = await gateway.http.get("/v1/documents", headers=site)
    assert "access-control-allow-origin" not in answer.headers
    asks = {"Access-Control-Request-Method": "POST", **site}
    preflight = await gateway.http.options("/v1/documents", headers=asks)
    assert "access-control-allow-origin" not in preflight.headers

    knobs = {"cors_origins": (site["Origin"],)}
    open_to_one = config_of(tmp_path / "open", orchestrator.address, **knobs)
    async with running_gateway(open_to_one) as other:
        answer = await other.http.get("/v1/documents", headers=site)
        assert answer.headers["access-control-allow-origin"] == site["Origin"]
        preflight = await other.http.options("/v1/documents", headers=asks)
        assert preflight.status_code == 200
        stranger = {"Origin": "https://evil.example"}
        answer = await other.http.get("/v1/documents", headers=stranger)
        assert "access-control-allow-origin" not in answer.headers

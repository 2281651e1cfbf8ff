"""Who owns a request id: one record, whoever asks, also when several ask at once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.others import Mongo, Redis
from orchestrator.sources.claims import Claim, Claims, LocalClaims
from orchestrator.sources.mongo_claims import MongoClaims
from orchestrator.sources.redis_claims import RedisClaims
from orchestrator.testing import running_orchestrator, tiff
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

FIRST, SECOND = Claim("requests/0/1", "aa"), Claim("requests/1/7", "bb")


@pytest.fixture(params=["local", "redis", "mongodb"])
async def claims(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Claims]:
    made: Claims
    if request.param == "local":
        made = LocalClaims(tmp_path / "claims.sqlite3", retention_seconds=60)
    elif request.param == "mongodb":
        database: Mongo = request.getfixturevalue("mongo")
        group = uuid.uuid4().hex
        made = MongoClaims(database.database_url("claims"), group, retention_seconds=60)
    else:
        server: Redis = request.getfixturevalue("redis")
        made = RedisClaims(server.url, uuid.uuid4().hex, retention_seconds=60)
    await made.open()
    yield made
    await made.close()
    await made.close()


async def test_the_first_claim_holds(claims: Claims) -> None:
    assert await claims.claim("id", FIRST, takes_over=False) == FIRST
    assert await claims.claim("id", SECOND, takes_over=False) == FIRST
    assert await claims.claim("id", FIRST, takes_over=False) == FIRST
    assert await claims.claim("other", SECOND, takes_over=False) == SECOND


async def test_a_replay_takes_over(claims: Claims) -> None:
    await claims.claim("id", FIRST, takes_over=False)
    assert await claims.claim("id", SECOND, takes_over=True) == SECOND
    assert await claims.claim("id", FIRST, takes_over=False) == SECOND


async def test_one_of_many_at_once_wins(claims: Claims) -> None:
    many = [Claim(f"requests/0/{number}", "aa") for number in range(50)]
    owners = await asyncio.gather(*(claims.claim("id", each, takes_over=False) for each in many))
    assert len(set(owners)) == 1


async def test_redis_that_is_away_is_trouble_that_may_pass() -> None:
    away = RedisClaims("redis://127.0.0.1:1/0", "group", retention_seconds=60)
    await away.open()
    with pytest.raises(OSError, match="Redis cannot be asked"):
        await away.claim("id", FIRST, takes_over=False)
    await away.close()


async def test_two_orchestrators_answer_a_request_sent_twice_once(
    client: Client, redis: Redis, tmp_path: Path
) -> None:
    """The second one has a state folder of its own; the first answered the request already."""
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    settings = client.settings(tmp_path) | {"kafka_claims_url": redis.url}
    for state in ("one", "two"):
        async with running_orchestrator(tmp_path / state, **settings):
            client.send("twice", f"file://{tmp_path}/1.tiff", pipeline="text")
            client.send(f"last-{state}", f"file://{tmp_path}/1.tiff", pipeline="text")
            await client.hear("result", 2 if state == "one" else 3)
    results = await client.hear_no_more("result")
    assert sorted(each["request_id"] for each in results) == ["last-one", "last-two", "twice"]

"""Spans taken in over HTTP."""

import gzip
import io
from pathlib import Path

import aiohttp

from meshkit.testing import eventually
from pagemesh.traces.receiver import CONTENT_TYPE, SpanReceiver
from pagemesh.traces.store import SpanStore
from tests.integration.sidecar.collector import collecting
from tests.unit.pagemesh.traces.spans import message

HEADERS = {"Content-Type": CONTENT_TYPE}


async def post(url: str, body: bytes, **headers: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=io.BytesIO(body), headers=HEADERS | headers) as answer,
    ):
        return answer.status


async def test_spans_are_kept_also_when_they_come_compressed(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    async with SpanReceiver(store).running() as url:
        plain = message("document", 1, pagemesh__request_id="r1").SerializeToString()
        packed = gzip.compress(message("page", 2, 1).SerializeToString())
        assert await post(url, plain) == 200
        assert await post(url, packed, **{"Content-Encoding": "gzip"}) == 200
        assert {span.name for span in store.way("r1").spans} == {"document", "page"}
    store.close()


async def test_what_is_no_message_is_refused(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    async with SpanReceiver(store).running() as url:
        assert await post(url, b"\xff\xff\xff") == 400
        assert await post(url, bytes(17 * 1024 * 1024)) == 413
        assert store.count() == 0
    store.close()


async def test_spans_go_on_to_a_collector(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    with collecting() as collector:
        async with SpanReceiver(store, f"{collector.endpoint}/v1/traces").running() as url:
            assert await post(url, message("document", 1).SerializeToString()) == 200
            await eventually(lambda: len(collector.spans) == 1)
        assert store.count() == 1
    store.close()


async def test_a_dead_collector_holds_nobody_up(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")
    async with SpanReceiver(store, "http://127.0.0.1:9/v1/traces").running() as url:
        for number in range(1, 200):
            assert await post(url, message("page", number).SerializeToString()) == 200
        assert store.count() == 199
    store.close()

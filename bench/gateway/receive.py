"""Receiving finished results: from the cache, from the database, beside a constant."""

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bench.gateway.load import ask, ask_each
from bench.gateway.processes import Served, constant, gateway
from bench.report import Figure
from gateway.records import Account, Asked, Record, Status, now
from gateway.resources import row_of
from gateway.stores.mongo import MongoStore, document_of
from infra.others import MemoryMongo, Mongo, Redis
from infra.service import Service, free_port

_RESULT = b'{"document":{},"pages":["' + b"x" * 8000 + b'"]}'
_AT_ONCE = 500
_SOURCES = {
    "redis": ("Redis", 0.7),
    "memory": ("MongoDB's protocol (mongo-java-server)", 0.5),
    "ferretdb": ("MongoDB's protocol (FerretDB on SQLite)", 0.5),
}
"""What is asked, what people call it, and its rate over the constant's that is aimed at."""


async def measure_receive(
    documents: int, connections: int, seconds: float, rounds: int
) -> list[Figure]:
    """Requests a second and p99, by turns."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with _running(folder, MemoryMongo, Mongo, Redis) as (memory, ferretdb, redis):
            urls = [each.database_url("bench") for each in (memory, ferretdb)]
            lengths = {await _fill(url, documents) for url in urls}
            paths = [f"/v1/documents/doc-{number}" for number in range(documents)]
            async with contextlib.AsyncExitStack() as stack:

                async def start(name: str, url: str, **others: str) -> Served:
                    state = str(folder / name)
                    made = gateway(store_url=url, state_dir=state, **others)
                    return await stack.enter_async_context(made)

                served = {"constant": await stack.enter_async_context(constant(lengths.pop()))}
                cache = {"cache_url": redis.url, "cache_seconds": "3600"}
                served["redis"] = await start("redis", urls[0], **cache)
                served["memory"] = await start("memory", urls[0])
                served["ferretdb"] = await start("ferretdb", urls[1])
                await ask_each(served["redis"].address, paths)
                return await _compare(served, paths, connections, seconds, rounds)


async def _compare(
    served: dict[str, Served], paths: list[str], connections: int, seconds: float, rounds: int
) -> list[Figure]:
    rates: dict[str, list[float]] = {name: [] for name in served}
    slow: dict[str, list[float]] = {name: [] for name in served}
    for _ in range(rounds):
        for name, each in served.items():
            taken = sorted(await ask(each.address, paths, connections, seconds))
            rates[name].append(len(taken) / seconds)
            slow[name].append(taken[int(len(taken) * 0.99)] * 1000)
    figures = []
    for name, (what, target) in _SOURCES.items():
        ratios = [one / other for one, other in zip(rates[name], rates["constant"], strict=True)]
        ratio = _median(ratios)
        figures.append(
            Figure(
                f"receive from {what}",
                _median(rates[name]),
                "requests/s",
                "a constant",
                _median(rates["constant"]),
                ratio,
                f">= {target} x",
                ratio >= target,
            )
        )
        figures.append(
            Figure(
                f"receive from {what}, p99",
                _median(slow[name]),
                "ms",
                "a constant",
                _median(slow["constant"]),
            )
        )
    return figures


def _median(values: list[float]) -> float:
    return statistics.median(values)


@contextlib.contextmanager
def _running(folder: Path, *kinds: type[Service]) -> Iterator[list[Any]]:
    with contextlib.ExitStack() as stack:
        services = [kind(folder / kind.name, free_port()) for kind in kinds]
        for service in services:
            stack.callback(service.stop)
            service.start()
        yield services


async def _fill(url: str, documents: int) -> int:
    """Store finished documents; bytes of one as a client is shown it."""
    store = MongoStore(url, 7 * 24 * 3600.0)
    await store.start()  # makes the indexes
    await store.close()
    rows = [row_of(_record(number), _RESULT) for number in range(documents)]
    async with AsyncMongoClient[dict[str, Any]](url) as client:
        kept = client.get_default_database().documents
        for start in range(0, documents, _AT_ONCE):
            await kept.insert_many(map(document_of, rows[start : start + _AT_ONCE]))
    return len(rows[0].body)


def _record(number: int) -> Record:
    moment = now()
    return Record(
        work_id=f"doc-{number}",
        client="",
        id=f"doc-{number}",
        fingerprint="",
        asked=Asked(),
        location="",
        source="form.pdf",
        status=Status.READY,
        pages=Account(total=1, done=1, ok=1),
        created_at=moment,
        updated_at=moment,
        is_dispatched=True,
    )

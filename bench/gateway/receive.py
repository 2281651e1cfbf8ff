"""Receiving finished results: from the cache, from the database, beside a constant."""

import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.gateway.load import ask
from bench.gateway.processes import Served, constant, gateway
from bench.report import Figure
from gateway.records import Account, Asked, Record, Status, now
from gateway.resources import row_of
from gateway.stores.mongo import MongoStore
from infra.others import Mongo, Redis
from infra.service import free_port

_RESULT = b'{"document":{},"pages":["' + b"x" * 8000 + b'"]}'
_AT_ONCE = 16


async def measure_receive(
    documents: int, connections: int, seconds: float, rounds: int
) -> list[Figure]:
    """Requests a second and p99, by turns."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with _running(folder) as (mongo, redis):
            url = mongo.url.replace("/?", "/bench?")
            length = await _fill(url, documents)
            paths = [f"/v1/documents/doc-{number}" for number in range(documents)]
            async with contextlib.AsyncExitStack() as stack:
                served = {
                    "constant": await stack.enter_async_context(constant(length)),
                    "redis": await stack.enter_async_context(
                        gateway(
                            store_url=url,
                            cache_url=redis.url,
                            cache_seconds="3600",
                            state_dir=str(folder / "cached"),
                        )
                    ),
                    "mongodb": await stack.enter_async_context(
                        gateway(store_url=url, state_dir=str(folder / "plain"))
                    ),
                }
                await _warm(served["redis"], paths)
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
    for name, target in (("redis", 0.7), ("mongodb", 0.5)):
        ratios = [one / other for one, other in zip(rates[name], rates["constant"], strict=True)]
        ratio = _median(ratios)
        figures.append(
            Figure(
                f"receive from {name}",
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
                f"receive from {name}, p99",
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
def _running(folder: Path) -> Iterator[tuple[Mongo, Redis]]:
    (folder / "mongo").mkdir()
    (folder / "redis").mkdir()
    mongo, redis = Mongo(folder / "mongo", free_port()), Redis(folder / "redis", free_port())
    try:
        mongo.start()
        redis.start()
        yield mongo, redis
    finally:
        mongo.stop()
        redis.stop()


async def _fill(url: str, documents: int) -> int:
    """Store finished documents; bytes of one as a client is shown it."""
    store = MongoStore(url, 7 * 24 * 3600.0)
    await store.start()
    rows = [row_of(_record(number), _RESULT) for number in range(documents)]
    for start in range(0, documents, _AT_ONCE):
        await asyncio.gather(*(store.add(row) for row in rows[start : start + _AT_ONCE]))
    await store.close()
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


async def _warm(served: Served, paths: list[str]) -> None:
    """Every document once, so that the cache has it."""
    host, port = served.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for path in paths:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length: ")[1].split(b"\r")[0]
        await reader.readexactly(int(length))
    writer.close()

"""Asks again and again over connections that stay open, with little work of its own."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

_LENGTH = b"content-length: "


async def ask(address: str, paths: Sequence[str], connections: int, seconds: float) -> list[float]:
    """Seconds that each answer took.

    Args:
        address: `host:port`.
        paths: asked for in random order.
        connections: that ask at once, one request at a time.
        seconds: to ask for.

    Raises:
        RuntimeError: an answer is no 200.
    """
    until = time.perf_counter() + seconds
    taken: list[float] = []
    await asyncio.gather(*(_ask(address, paths, until, taken, seed) for seed in range(connections)))
    return taken


async def ask_each(address: str, paths: Sequence[str]) -> None:
    """Ask for each path once. Raises RuntimeError: an answer is no 200."""
    async with _connection(address) as ask_for:
        for path in paths:
            await ask_for(path)


async def _ask(
    address: str, paths: Sequence[str], until: float, taken: list[float], seed: int
) -> None:
    choice = random.Random(seed)  # noqa: S311 - chance, not a secret
    async with _connection(address) as ask_for:
        while (began := time.perf_counter()) < until:
            await ask_for(choice.choice(paths))
            taken.append(time.perf_counter() - began)


@contextlib.asynccontextmanager
async def _connection(address: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Asks for one path after the other."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)

    async def ask_for(path: str) -> None:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        start = head.lower().index(_LENGTH) + len(_LENGTH)
        await reader.readexactly(int(head[start : head.index(b"\r", start)]))

    try:
        yield ask_for
    finally:
        writer.close()

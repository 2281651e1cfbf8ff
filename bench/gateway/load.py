"""Asks again and again over connections that stay open, with little work of its own."""

import asyncio
import random
import time
from collections.abc import Sequence

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
    await asyncio.gather(*(_ask(address, paths, until, taken) for _ in range(connections)))
    return taken


async def _ask(address: str, paths: Sequence[str], until: float, taken: list[float]) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    choice = random.Random(port)  # noqa: S311 - chance, not a secret
    try:
        while (began := time.perf_counter()) < until:
            path = choice.choice(paths)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            start = head.index(_LENGTH) + len(_LENGTH)
            await reader.readexactly(int(head[start : head.index(b"\r", start)]))
            taken.append(time.perf_counter() - began)
    finally:
        writer.close()

"""Gateways as processes."""

import asyncio
import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import psutil

from infra.service import free_port

_START_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """A process that serves HTTP.

    Attributes:
        address: `host:port`.
        process: itself.
    """

    address: str
    process: psutil.Process

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(self.process.memory_info().rss)


@contextlib.asynccontextmanager
async def serving(
    arguments: list[str], variables: Mapping[str, str], port: int, ready: str
) -> AsyncIterator[Served]:
    """`python -m ...`, from when it answers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{port}"
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await asyncio.to_thread(_answers, f"http://{address}{ready}"):
                if process.returncode is not None:
                    raise RuntimeError(f"{arguments} ended with {process.returncode}")
                await asyncio.sleep(0.1)
        yield Served(address, psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def gateway(**variables: str) -> AsyncIterator[Served]:
    """A gateway with these variables, without their prefix."""
    port = free_port()
    named = {f"PAGEMESH_GATEWAY_{name.upper()}": value for name, value in variables.items()}
    named |= {"PAGEMESH_GATEWAY_PORT": str(port)}
    async with serving(["gateway"], named, port, "/readyz") as served:
        yield served


@contextlib.asynccontextmanager
async def constant(length: int) -> AsyncIterator[Served]:
    """What returns a constant of this many bytes."""
    port = free_port()
    command = ["bench.gateway.constant", str(port), str(length)]
    async with serving(command, {}, port, "/v1/documents/x") as served:
        yield served


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - http, of this machine
            return True
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False

"""Channels with TLS."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from tests.mesh.certificates import Authority

# gRPC reads once in a process whom it trusts.
_ASK = """
import asyncio, sys
from grpc_health.v1 import health_pb2, health_pb2_grpc
from meshkit.client import open_channel

async def main():
    async with open_channel(sys.argv[1]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        print((await stub.Check(health_pb2.HealthCheckRequest(), timeout=30)).status)

asyncio.run(main())
"""


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Of a server that shows a certificate for `localhost`, signed by `authority.pem`."""
    authority = Authority("test")
    authority.write(tmp_path / "authority.pem")
    authority.issue(tmp_path, "own", x509.DNSName("localhost"))
    pair = ((tmp_path / "own.key").read_bytes(), (tmp_path / "own.pem").read_bytes())
    server = grpc.aio.server()
    add_HealthServicer_to_server(health.HealthServicer(), server)
    bound = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    yield bound
    await server.stop(None)


async def ask(address: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What a process that asks for health says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _ASK, address),
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    return subprocess.CompletedProcess([], process.returncode or 0, out.decode(), err.decode())


async def test_a_server_with_tls_is_reached_when_its_authority_is_trusted(
    port: int, tmp_path: Path
) -> None:
    trusted = str(tmp_path / "authority.pem")
    done = await ask(f"grpcs://localhost:{port}", GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=trusted)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


async def test_a_server_with_another_authority_is_not(port: int) -> None:
    done = await ask(f"grpcs://localhost:{port}")
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stderr

"""TLS and mutual TLS on either side of the proxy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
import trustme

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import OPTIONS, Echo, Place, running, until_connected
from tests.integration.sidecar.test_model_comes_and_goes import failure


class Certificates:
    """An authority, a server's and a client's certificate, as bytes and as files."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        server, client = authority.issue_cert("localhost"), authority.issue_cert("caller@mesh")
        self.ca = authority.cert_pem.bytes()
        self.server_key, self.server_chain = _pem(server)
        self.client_key, self.client_chain = _pem(client)
        self.paths: dict[str, Path] = {}
        for name in ("ca", "server_key", "server_chain", "client_key", "client_chain"):
            self.paths[name] = folder / f"{name}.pem"
            self.paths[name].write_bytes(getattr(self, name))


def _pem(leaf: trustme.LeafCert) -> tuple[bytes, bytes]:
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return leaf.private_key_pem.bytes(), chain


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@contextlib.asynccontextmanager
async def listening(certificates: Certificates, *, mutual: bool) -> AsyncIterator[Place]:
    """A proxy that speaks TLS. gRPC's threads knock and hang up when they please, and nobody tells
    of a handshake that they left: until all have hung up the loop must not end."""
    paths = certificates.paths
    async with running(
        listen_tls_cert=paths["server_chain"],
        listen_tls_key=paths["server_key"],
        listen_tls_client_ca=paths["ca"] if mutual else None,
    ) as place:
        yield place
    port = int(place.address.rpartition(":")[2])
    async with asyncio.timeout(60):
        while port in _ports_in_use():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.02)


def _ports_in_use() -> set[int]:
    sockets = psutil.Process().net_connections("tcp")
    return {port for one in sockets for end in (one.laddr, one.raddr) for port in end[1:]}


@pytest.mark.parametrize("mutual", [False, True])
async def test_callers_by_tls(certificates: Certificates, mutual: bool) -> None:
    async with listening(certificates, mutual=mutual) as place:
        credentials = grpc.ssl_channel_credentials(
            certificates.ca,
            *((certificates.client_key, certificates.client_chain) if mutual else (None, None)),
        )
        address = place.address.replace("127.0.0.1", "localhost")
        channel: Any
        async with grpc.aio.secure_channel(address, credentials, options=OPTIONS) as channel:
            message = np.random.default_rng(2).bytes(2_000_000)
            assert await channel.unary_unary("/test.Echo/Unary")(message) == message
            repeat = channel.unary_stream("/test.Echo/Repeat")(b"5 500000")
            assert [len(one) async for one in repeat] == [500_000] * 5


async def test_a_caller_without_certificate_is_turned_away(certificates: Certificates) -> None:
    async with listening(certificates, mutual=True) as place:
        credentials = grpc.ssl_channel_credentials(certificates.ca)
        address = place.address.replace("127.0.0.1", "localhost")
        channel: Any
        async with grpc.aio.secure_channel(address, credentials) as channel:
            error = await failure(channel.unary_unary("/test.Echo/Unary")(b"", timeout=60))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert not len(place.proxy.records)


async def test_plain_text_is_turned_away_where_tls_is_asked(certificates: Certificates) -> None:
    async with listening(certificates, mutual=False) as place:
        error = await failure(place.channel.unary_unary("/test.Echo/Unary")(b"", timeout=60))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert not place.proxy._connections  # nothing is kept of handshakes that failed


@pytest.mark.parametrize("mutual", [False, True])
async def test_a_model_by_tls(certificates: Certificates, mutual: bool) -> None:
    paths = certificates.paths
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Echo(),))
    pair = [(certificates.server_key, certificates.server_chain)]
    # By address: a port that is free for one of a name's addresses may be another's for the next.
    port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials(pair, certificates.ca if mutual else None, mutual),
    )
    await server.start()
    own = {"upstream_tls_cert": paths["client_chain"], "upstream_tls_key": paths["client_key"]}
    options: dict[str, Any] = own if mutual else {}
    config = SidecarConfig(upstream=f"localhost:{port}", upstream_tls_ca=paths["ca"], **options)
    proxy = Proxy(config)
    channel: Any
    try:
        async with grpc.aio.insecure_channel(await proxy.start(), options=OPTIONS) as channel:
            await until_connected(proxy)
            message = np.random.default_rng(1).bytes(1_000_000)
            assert await channel.unary_unary("/test.Echo/Unary")(message) == message
    finally:
        await proxy.drain()
        await server.stop(0)


async def test_a_model_whose_certificate_is_not_trusted_is_not_used(
    certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Certificates(tmp_path / "other")
    async with listening(certificates, mutual=False) as place:
        # The first proxy stands for a model that speaks TLS.
        model = place.address.replace("127.0.0.1", "localhost")
        proxy = Proxy(SidecarConfig(upstream=model, upstream_tls_ca=other.paths["ca"]))
        channel: Any
        async with grpc.aio.insecure_channel(await proxy.start()) as channel:
            error = await failure(channel.unary_unary("/test.Echo/Unary")(b""))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
        await proxy.drain()

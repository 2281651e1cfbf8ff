"""Certificates that are over: a clear error, and all is well once they are replaced."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import trustme

from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from tests.integration.sidecar.conftest import OPTIONS, Echo, until_connected
from tests.integration.sidecar.conftest import (
    pytest_asyncio_loop_factories as pytest_asyncio_loop_factories,  # noqa: PLC0414 - the loop
)
from tests.integration.sidecar.test_model_comes_and_goes import details, failure
from tests.integration.sidecar.test_tls import Certificates, listening


def expired(authority: trustme.CA) -> trustme.LeafCert:
    """A server's certificate that ended yesterday."""
    return authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(days=1))


async def start_model(port: int, leaf: trustme.LeafCert) -> tuple[Any, int]:
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Echo(),))
    pair = [(leaf.private_key_pem.bytes(), chain)]
    port = server.add_secure_port(f"localhost:{port}", grpc.ssl_server_credentials(pair))
    await server.start()
    return server, port


async def test_a_model_is_used_again_once_its_certificate_is_replaced(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server, port = await start_model(0, expired(authority))
    config = SidecarConfig(
        upstream=f"localhost:{port}", upstream_tls_ca=tmp_path / "ca.pem", name="ocr"
    )
    proxy = Proxy(config)
    channel: Any
    async with grpc.aio.insecure_channel(await proxy.start(), options=OPTIONS) as channel:
        error = await failure(channel.unary_unary("/test.Echo/Unary")(b"", timeout=60))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        info, retry = details(error)
        assert info.reason == "MODEL_NOT_REACHED"
        assert retry
        await server.stop(0)
        server, _ = await start_model(port, authority.issue_cert("localhost"))
        await until_connected(proxy)
        assert await channel.unary_unary("/test.Echo/Unary")(b"page", timeout=60) == b"page"
    await proxy.drain()
    await server.stop(0)


async def test_callers_see_a_certificate_that_was_replaced_without_a_restart(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    certificates = Certificates(tmp_path)
    write(certificates.paths, expired(authority))
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    async with listening(certificates, mutual=False) as place:
        address = place.address.replace("127.0.0.1", "localhost")
        channel: Any
        async with grpc.aio.secure_channel(address, credentials) as channel:
            error = await failure(channel.unary_unary("/test.Echo/Unary")(b"", timeout=60))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "certificate" in (error.details() or "").lower()
        certificates.paths["server_chain"].write_bytes(b"half wri")
        async with grpc.aio.secure_channel(address, credentials) as channel:
            await failure(channel.unary_unary("/test.Echo/Unary")(b"", timeout=60))
        write(certificates.paths, authority.issue_cert("localhost"))
        async with grpc.aio.secure_channel(address, credentials) as channel:
            assert await channel.unary_unary("/test.Echo/Unary")(b"page", timeout=60) == b"page"


def write(paths: dict[str, Path], leaf: trustme.LeafCert) -> None:
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    paths["server_chain"].write_bytes(chain)
    paths["server_key"].write_bytes(leaf.private_key_pem.bytes())

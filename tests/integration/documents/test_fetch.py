"""Documents fetched over HTTP, from real servers on this machine."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from meshkit.errors import (
    DeadlineExceeded,
    DependencyUnavailable,
    Forbidden,
    NotFound,
    PagemeshError,
    TooLarge,
)
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.source import Spool, fetch

LOOPBACK = ip_network("127.0.0.0/8")
DOCUMENT = b"%PDF-1.7 " + bytes(range(256)) * 4000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A server on a port of 127.0.0.1 that answers everything by `handler`."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def whole(request: web.Request) -> web.StreamResponse:
    return web.Response(body=DOCUMENT)


class Lookups(AbstractResolver):
    """Answers each lookup with the next address, and counts."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.count = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.count += 1
        address = self._addresses.pop(0)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


def allowing(limits: DocumentLimits, *hosts: str, **changes: object) -> DocumentLimits:
    return limits.model_copy(
        update={
            "allowed_hosts": hosts,
            "allowed_networks": (LOOPBACK,),
            "allow_http": True,
            **changes,
        }
    )


async def error_of(
    location: str, limits: DocumentLimits, resolver: AbstractResolver | None = None
) -> PagemeshError:
    async with Spool.create(limits) as spool:
        with pytest.raises(PagemeshError) as caught:
            await fetch(location, spool, limits, resolver=resolver)
    return caught.value


async def test_a_document_comes_whole(limits: DocumentLimits) -> None:
    seen: list[str] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.rel_url))
        return web.Response(body=DOCUMENT)

    async with serving(remember) as port:
        allowed = allowing(limits, f"127.0.0.1:{port}")
        async with Spool.create(allowed) as spool:
            await fetch(f"http://127.0.0.1:{port}/a%20b.pdf?key=1", spool, allowed)
            assert spool.path.read_bytes() == DOCUMENT
            assert spool.size == len(DOCUMENT)
    assert seen == ["/a%20b.pdf?key=1"]


async def test_loopback_is_refused_unless_its_network_is_allowed(limits: DocumentLimits) -> None:
    asked = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(body=DOCUMENT)

    async with serving(count) as port:
        for host in ("127.0.0.1", "localhost"):
            strict = allowing(limits, f"{host}:{port}", allowed_networks=())
            error = await error_of(f"http://{host}:{port}/a.pdf", strict)
            assert isinstance(error, Forbidden)
            assert error.reason == "ADDRESS_NOT_ALLOWED"
        elsewhere = allowing(limits, "files.example.org")
        error = await error_of(f"http://127.0.0.1:{port}/a.pdf", elsewhere)
        assert error.reason == "LOCATION_NOT_ALLOWED"
        for address in ("2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"):
            strict = allowing(limits, f"{address}:{port}", allowed_networks=())
            await error_of(f"http://{address}:{port}/a.pdf", strict)
    assert asked == 0


async def test_the_address_that_was_checked_is_the_one_that_is_used(
    limits: DocumentLimits,
) -> None:
    async with serving(whole) as port:
        allowed = allowing(limits, f"scans.example:{port}")
        lookups = Lookups("127.0.0.1", "10.0.0.1")
        async with Spool.create(allowed) as spool:
            await fetch(f"http://scans.example:{port}/a.pdf", spool, allowed, resolver=lookups)
            assert spool.size == len(DOCUMENT)
        assert lookups.count == 1
        error = await error_of(f"http://scans.example:{port}/a.pdf", allowed, lookups)
        assert error.reason == "ADDRESS_NOT_ALLOWED"


async def test_redirects_are_checked_like_the_first_address(limits: DocumentLimits) -> None:
    targets = {
        "/same": "/whole",
        "/elsewhere": "http://files.example.org/a.pdf",
        "/metadata": "http://169.254.169.254/latest/meta-data/",
        "/file": "file:///etc/passwd",
        "/loop": "/loop",
        "/nowhere": "http://[",
    }

    async def redirect(request: web.Request) -> web.StreamResponse:
        if request.path in targets:
            return web.Response(status=302, headers={"Location": targets[request.path]})
        return web.Response(body=DOCUMENT)

    async with serving(redirect) as port:
        here = f"http://127.0.0.1:{port}"
        allowed = allowing(limits, f"127.0.0.1:{port}", "169.254.169.254")
        async with Spool.create(allowed) as spool:
            await fetch(f"{here}/same", spool, allowed)
            assert spool.size == len(DOCUMENT)
        reasons = {
            path: (await error_of(here + path, allowed)).reason
            for path in ("/elsewhere", "/metadata", "/file", "/loop", "/nowhere")
        }
        assert reasons == {
            "/elsewhere": "LOCATION_NOT_ALLOWED",
            "/metadata": "ADDRESS_NOT_ALLOWED",
            "/file": "LOCATION_NOT_ALLOWED",
            "/loop": "FETCH_FAILED",
            "/nowhere": "FETCH_FAILED",
        }


async def test_a_redirect_gets_no_credentials(limits: DocumentLimits) -> None:
    seen: list[str | None] = []

    async def redirect(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        if request.path == "/first":
            host = request.headers["Host"].replace("127.0.0.1", "localhost")
            return web.Response(status=307, headers={"Location": f"http://{host}/second"})
        return web.Response(body=DOCUMENT)

    async with serving(redirect) as port:
        allowed = allowing(limits, f"127.0.0.1:{port}", f"localhost:{port}")
        async with Spool.create(allowed) as spool:
            await fetch(f"http://ada:hunter2@127.0.0.1:{port}/first", spool, allowed)
    assert seen[0] is not None
    assert seen[1] is None


async def test_answers_that_are_no_document(limits: DocumentLimits) -> None:
    async def status(request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=int(request.path.strip("/")), headers={"Retry-After": "7"}, body=b"no"
        )

    async with serving(status) as port:
        allowed = allowing(limits, f"127.0.0.1:{port}")

        async def answer(code: int) -> PagemeshError:
            return await error_of(f"http://u:hunter2@127.0.0.1:{port}/{code}?k=hunter2", allowed)

        assert isinstance(await answer(404), NotFound)
        assert isinstance(await answer(403), Forbidden)
        busy = await answer(503)
        assert isinstance(busy, DependencyUnavailable)
        assert busy.retry_after == 7
        teapot = await answer(418)
        assert isinstance(teapot, DependencyUnavailable)
        assert teapot.retry_after is None
        for error in (busy, teapot, await answer(404)):
            assert "hunter2" not in error.message
            assert "127.0.0.1" in error.message


@pytest.mark.parametrize("says_how_long", [True, False])
async def test_too_much_is_stopped(limits: DocumentLimits, says_how_long: bool) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if says_how_long:
            response.content_length = 10**12
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65_536))
        except ConnectionError:
            return response

    async with serving(endless) as port:
        small = allowing(limits, f"127.0.0.1:{port}", max_document_bytes=300_000)
        error = await error_of(f"http://127.0.0.1:{port}/", small)
    assert isinstance(error, TooLarge)
    assert "300,000" in error.message


async def test_a_slow_host_is_given_up(limits: DocumentLimits) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(600):
                await response.write(b"x")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        return response

    async with serving(drip) as port:
        hasty = allowing(limits, f"127.0.0.1:{port}", fetch_timeout_s=0.3)
        error = await error_of(f"http://127.0.0.1:{port}/", hasty)
    assert isinstance(error, DeadlineExceeded)
    assert error.reason == "FETCH_TIMEOUT"


async def test_a_host_that_breaks_off_is_no_short_document(limits: DocumentLimits) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%PDF-1.7")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        allowed = allowing(limits, f"127.0.0.1:{port}")
        error = await error_of(f"http://127.0.0.1:{port}/", allowed)
    assert error.reason == "FETCH_INTERRUPTED"


async def test_hosts_that_cannot_be_reached(limits: DocumentLimits) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    allowed = allowing(limits, f"127.0.0.1:{port}", f"nowhere.invalid:{port}")
    for host in ("127.0.0.1", "nowhere.invalid"):
        error = await error_of(f"http://{host}:{port}/", allowed)
        assert isinstance(error, DependencyUnavailable)
        assert error.reason == "FETCH_FAILED"


async def test_https_to_a_host_without_a_good_certificate(
    limits: DocumentLimits, tmp_path: Path
) -> None:
    async with serving(whole) as port:
        allowed = allowing(limits, f"127.0.0.1:{port}")
        error = await error_of(f"https://127.0.0.1:{port}/", allowed)
    assert error.reason == "TLS_ERROR"
    assert ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED

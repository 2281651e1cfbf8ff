"""Takes spans in by OTLP over HTTP, keeps them, hands them on to a collector if there is one."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Final

import aiohttp
from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from pagemesh.traces.span import spans_of
from pagemesh.traces.store import SpanStore

HOST = "127.0.0.1"
PATH = "/v1/traces"
CONTENT_TYPE: Final = "application/x-protobuf"
_LARGEST_BODY = 16 * 1024 * 1024
_MOST_WAITING = 64
_FORWARD_SECONDS = 5.0

_log = logging.getLogger(__name__)


class SpanReceiver:
    """An OTLP endpoint for spans.

    Args:
        store: that keeps them.
        forward_to: URL of a collector's own `/v1/traces`; empty without one. What it does not take
            in time is dropped: nobody waits for it.
    """

    def __init__(self, store: SpanStore, forward_to: str = "") -> None:
        self._store = store
        self._forward_to = forward_to
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Receive on a free port of this machine. Yields the endpoint's URL."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_post(PATH, self._take)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        forwarding = asyncio.create_task(self._forward()) if self._forward_to else None
        try:
            site = web.TCPSite(runner, HOST, 0)
            await site.start()
            port = runner.addresses[0][1]
            yield f"http://{HOST}:{port}{PATH}"
        finally:
            await runner.cleanup()
            if forwarding is not None:
                await self._finish(forwarding)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            message = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            raise web.HTTPBadRequest(text="this is no ExportTraceServiceRequest") from None
        await asyncio.to_thread(self._store.add, spans_of(message))
        if self._forward_to:
            with contextlib.suppress(asyncio.QueueFull):
                self._waiting.put_nowait(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type=CONTENT_TYPE)

    async def _forward(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_FORWARD_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                body = await self._waiting.get()
                try:
                    headers = {"Content-Type": CONTENT_TYPE}
                    async with session.post(self._forward_to, data=BytesIO(body), headers=headers):
                        pass
                except (aiohttp.ClientError, TimeoutError) as error:
                    _log.debug("the collector does not answer", extra={"cause": str(error)})
                finally:
                    self._waiting.task_done()

    async def _finish(self, forwarding: "asyncio.Task[None]") -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), _FORWARD_SECONDS)
        forwarding.cancel()
        await asyncio.gather(forwarding, return_exceptions=True)

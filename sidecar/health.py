"""The proxy's own health, by gRPC's health protocol, under the service name `pagemesh.sidecar`.

All other services' health is the model's to tell: a request for it passes through.
"""

from collections.abc import Callable

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from sidecar.http2.frames import ErrorCode
from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream
from sidecar.replies import RESPONSE_HEADERS, STATUS

SERVICE = "pagemesh.sidecar"
CHECK = b"/grpc.health.v1.Health/Check"
WATCH = b"/grpc.health.v1.Health/Watch"
_MAX_REQUEST = 4096
_PREFIX = 5
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

PassOn = Callable[[Stream, Headers, bytes, bool], None]


class OwnHealth:
    """Answers for the proxy: SERVING until it drains."""

    def __init__(self) -> None:
        self._serving = True
        self._watchers: set[Stream] = set()

    def drain(self) -> None:
        """Say NOT_SERVING from now on."""
        self._serving = False
        for stream in list(self._watchers):
            self.answer(stream, watch=True)

    def answer(self, stream: Stream, *, watch: bool) -> None:
        """Tell the state; a watch goes on until it is NOT_SERVING."""
        message = health_pb2.HealthCheckResponse(
            status=_SERVING if self._serving else _NOT_SERVING
        ).SerializeToString()
        if stream not in self._watchers:
            stream.send_headers(RESPONSE_HEADERS, end_stream=False)
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        stream.send_data(memoryview(framed), end_stream=False)
        if watch and self._serving:
            self._watchers.add(stream)
        else:
            self.forget(stream)
            stream.send_headers([(STATUS, b"0")], end_stream=True)

    def forget(self, stream: Stream) -> None:
        """The watcher is gone."""
        self._watchers.discard(stream)


class HealthRequest:
    """Listens to a health request until it is known whom it asks about."""

    def __init__(
        self, health: OwnHealth, stream: Stream, headers: Headers, *, watch: bool, pass_on: PassOn
    ) -> None:
        self._health = health
        self._stream = stream
        self._headers = headers
        self._watch = watch
        self._pass_on = pass_on
        self._body = b""
        self._answered = False

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        """Trailers: the end."""
        del headers
        self.on_data(memoryview(b""), end_stream)

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        """Collect the request; whatever is not for the proxy is passed on."""
        if self._answered:
            self._stream.consumed(len(chunk))
            return
        self._body += chunk
        whole = len(self._body) >= _PREFIX and (
            len(self._body) >= _PREFIX + int.from_bytes(self._body[1:_PREFIX], "big")
        )
        if not whole and not end_stream and len(self._body) <= _MAX_REQUEST:
            return
        self._answered = True
        if whole and self._asks_for_proxy():
            self._stream.consumed(len(self._body))
            self._health.answer(self._stream, watch=self._watch)
        else:
            self._pass_on(self._stream, self._headers, self._body, end_stream)

    def on_reset(self, code: int) -> None:
        """The caller gave up."""
        del code
        self._health.forget(self._stream)

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The caller's connection is gone."""
        del reason, unprocessed
        self.on_reset(ErrorCode.CANCEL)

    def _asks_for_proxy(self) -> bool:
        if self._body[0]:
            return False  # compressed: no health client does so
        try:
            request = health_pb2.HealthCheckRequest.FromString(self._body[_PREFIX:])
        except DecodeError:
            return False
        return bool(request.service == SERVICE)

"""What is no gRPC gets told so, in HTTP's own words, once its request is over."""

from sidecar.http2.headers import Headers
from sidecar.http2.streams import Stream

_HEADERS: Headers = [(b":status", b"415"), (b"content-type", b"text/plain; charset=utf-8")]
_BODY = b"This port speaks gRPC alone: content-type must be application/grpc.\n"


class NotGrpc:
    """Listens to such a request."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def answer(self) -> None:
        """Say 415 and why."""
        self._stream.send_headers(_HEADERS, end_stream=False)
        self._stream.send_data(memoryview(_BODY), end_stream=True)

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        """Trailers."""
        del headers
        self.on_data(memoryview(b""), end_stream)

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        """Nobody wants the body."""
        self._stream.consumed(len(chunk))
        if end_stream:
            self.answer()

    def on_reset(self, code: int) -> None:
        """The client gave up."""

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The client is gone."""

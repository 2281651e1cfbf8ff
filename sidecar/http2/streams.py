"""A stream of an HTTP/2 connection, as the proxy holds one on either side."""

from collections import deque
from typing import TYPE_CHECKING, Protocol

from sidecar.http2.headers import Headers

if TYPE_CHECKING:
    from sidecar.http2.endpoint import Endpoint


class StreamListener(Protocol):
    """Who is told what comes in on a stream."""

    def on_headers(self, headers: Headers, end_stream: bool) -> None:
        """Headers, or trailers."""

    def on_data(self, chunk: memoryview, end_stream: bool) -> None:
        """A piece of the body. The listener owes the stream `consumed(len(chunk))`."""

    def on_reset(self, code: int) -> None:
        """The peer gave the stream up."""

    def on_lost(self, reason: str, *, unprocessed: bool) -> None:
        """The connection ended under the stream; `unprocessed` if the peer never saw it."""


class Stream:
    """One stream: windows, what waits to be sent, and who listens.

    Attributes:
        id: its number on the connection.
        listener: who is told what comes in.
        source: the stream whose body is sent here; it gets credit for what was sent.
        send_window: bytes that the peer still takes.
        receive_window: bytes that the peer may still send.
        owed: bytes consumed for which the peer has no credit yet.
        begun: whether the peer knows of it.
        announced: bytes of the body that are to come, where `content-length` tells.
        waiting: headers and pieces of body that cannot be sent yet.
        local_ended, remote_ended: this end, the other end will send no more.
    """

    __slots__ = (
        "announced",
        "begun",
        "connection",
        "id",
        "listener",
        "local_ended",
        "owed",
        "receive_window",
        "remote_ended",
        "send_window",
        "source",
        "waiting",
    )

    def __init__(self, connection: "Endpoint", stream_id: int, send: int, receive: int) -> None:
        self.connection = connection
        self.id = stream_id
        self.listener: StreamListener | None = None
        self.source: Stream | None = None
        self.send_window = send
        self.receive_window = receive
        self.begun = False
        self.owed = 0
        self.announced: int | None = None
        self.waiting: deque[tuple[Headers | memoryview, bool]] = deque()
        self.local_ended = False
        self.remote_ended = False

    def send_headers(self, headers: Headers, end_stream: bool) -> None:
        """Send headers or trailers, after what waits."""
        self.connection.send_headers(self, headers, end_stream)

    def send_data(self, chunk: memoryview, end_stream: bool) -> None:
        """Send a piece of the body as soon as the peer's windows allow."""
        self.connection.send_data(self, chunk, end_stream)

    def drop_waiting(self) -> None:
        """Forget what waits to be sent."""
        self.connection.drop_waiting(self)

    def reset(self, code: int) -> None:
        """Give the stream up; nothing more is sent, nor told to the listener."""
        self.connection.reset_stream(self, code)

    def consumed(self, size: int) -> None:
        """Let the peer send as many bytes more."""
        self.connection.credit(self, size)

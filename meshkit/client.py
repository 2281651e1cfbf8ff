"""Channels to other processes of the mesh."""

from collections.abc import Sequence
from typing import Any

import grpc

from meshkit.stream_status import ServerStatus
from meshkit.telemetry.calls import tracing_interceptors

DEFAULT_MAX_MESSAGE_BYTES = 128 * 1024 * 1024
TLS_SCHEME = "grpcs://"
_FIRST_PAUSE_MS = 200
_LONGEST_PAUSE_MS = 5_000
_CONNECT_MS = 5_000
"""How long an attempt to connect may take, at least: what gRPC calls the least backoff. A network
that loses packets, or a busy server, needs seconds; an attempt cut short begins from nothing."""


def open_channel(
    address: str,
    *,
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    options: Sequence[tuple[str, str | int]] = (),
    caller: str = "",
) -> grpc.aio.Channel:
    """A channel that takes page-sized messages and carries the trace context.

    A server that comes back is found within about five seconds, however long it was away. A stream
    that is refused while it is still being sent ends with the status that refuses it.

    Args:
        address: `host:port`, `unix:/path`, or any other gRPC target; `grpcs://` before it speaks
            TLS, with the authorities that gRPC trusts (`GRPC_DEFAULT_SSL_ROOTS_FILE_PATH`).
        max_message_bytes: as in the servers' configuration.
        options: further channel arguments.
        caller: names this process to whoever is called, in the metadata `pagemesh-caller`.
    """
    own: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.initial_reconnect_backoff_ms", _FIRST_PAUSE_MS),
        ("grpc.max_reconnect_backoff_ms", _LONGEST_PAUSE_MS),
        ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),
    ]
    target = address.removeprefix(TLS_SCHEME)
    more: Any = {
        "options": [*own, *options],
        "interceptors": [*tracing_interceptors(target, caller), ServerStatus()],
    }
    if target == address:
        return grpc.aio.insecure_channel(target, **more)
    return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), **more)

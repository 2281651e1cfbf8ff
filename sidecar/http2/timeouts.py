"""How long TLS may take to begin and to end."""

import ssl
from typing import TypedDict

from sidecar.http2.outbox import LINGER_SECONDS

HANDSHAKE_SECONDS = 5.0


class Timeouts(TypedDict):
    """Seconds, as event loops take them."""

    ssl_handshake_timeout: float | None
    ssl_shutdown_timeout: float | None


def timeouts(context: ssl.SSLContext | None) -> Timeouts:
    """For a listener or a connection. Loops refuse them where no TLS is spoken.

    gRPC's peers do not answer the end of TLS, so nobody waits for that for long.
    """
    handshake, shutdown = (HANDSHAKE_SECONDS, LINGER_SECONDS) if context else (None, None)
    return Timeouts(ssl_handshake_timeout=handshake, ssl_shutdown_timeout=shutdown)

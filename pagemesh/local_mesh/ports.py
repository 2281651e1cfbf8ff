"""Who is there, and at which port."""

import contextlib
import socket
from collections.abc import Mapping

from meshkit.errors import DependencyUnavailable

HOST = "127.0.0.1"
ORCHESTRATOR = "orchestrator"
GATEWAY = "gateway"
DEFAULT_PORTS: Mapping[str, int] = {
    "deskew": 50051,
    "classify": 50052,
    "ocr": 50053,
    "checkbox": 50054,
    "signature": 50055,
    ORCHESTRATOR: 50050,
    GATEWAY: 8080,
}
"""Where each is called; a model at its sidecar."""

MODELS = tuple(name for name in DEFAULT_PORTS if name not in {ORCHESTRATOR, GATEWAY})


def find_ports(orchestrator: int | None, gateway: int | None = None) -> dict[str, int]:
    """A free port for everybody: the default, or any where that is taken.

    Args:
        orchestrator, gateway: theirs; None for the default, or any; 0 for any.

    Raises:
        DependencyUnavailable: one that was asked for is taken.
    """
    wanted = {ORCHESTRATOR: orchestrator, GATEWAY: gateway}
    with contextlib.ExitStack() as held:
        return {
            name: _hold_port(port, wanted.get(name), held) for name, port in DEFAULT_PORTS.items()
        }


def _hold_port(default: int, wanted: int | None, held: contextlib.ExitStack) -> int:
    """A free port, kept from being found twice until `held` is closed."""
    for port in (default if wanted is None else wanted, 0):
        listener = held.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            if wanted:
                raise DependencyUnavailable(
                    f"port {port} is taken; name another one", reason="PORT_TAKEN"
                ) from error
            continue
        return int(listener.getsockname()[1])
    raise DependencyUnavailable("no port is free on this machine", reason="PORT_TAKEN")

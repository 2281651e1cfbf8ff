"""Ports for servers that start later."""

import itertools
import os
import random
import socket

# Below those that the kernel gives to connections that go out, one of which could take a port
# before its server does, and beside those of the services that tests use.
_FIRST, _COUNT = 20_400, 5_500
_NEXT = itertools.count(random.Random(os.getpid()).randrange(_COUNT))  # noqa: S311 - chance, not a secret


def later_port() -> int:
    """A port of 127.0.0.1 that nobody has, and that this process gives to nobody else."""
    while True:
        port = _FIRST + next(_NEXT) % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

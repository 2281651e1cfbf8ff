"""Lost packets are really lost, and TCP really sends them again."""

import subprocess
import sys

import pytest

_RUN = """
import socket, sys
from tests.chaos import packets
try:
    packets.leave_network()
except OSError as error:
    print(error)
    sys.exit(77)
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
far, _ = server.accept()
lost = 0
while not lost:
    packets.lose(server.getsockname()[1], 0.2)
    for number in range(5):
        client.sendall(bytes([number]))
        assert far.recv(1) == bytes([number])
    lost = packets.lose_none()
"""


def test_every_byte_arrives_though_packets_are_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RUN], capture_output=True, text=True, timeout=110, check=False
    )
    if done.returncode == 77:
        pytest.skip(f"no network of its own: {done.stdout.strip()}")
    assert done.returncode == 0, done.stderr

"""What is not gRPC: stores inside the mesh, hosts of documents outside."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.mesh.certificates import Authority
from tests.mesh.members import Inside, Member
from tests.mesh.mesh import Mesh
from tests.mesh.others import Rest
from tests.mesh.running import running
from tests.unit.k8s.overlays import overlay

KNOWN = "files.example.org"
STORES = {"redis": 6379, "mongodb": 27017}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a host outside: its certificate and who signed it."""
    folder = tmp_path_factory.mktemp("stores")
    authority = Authority("outside")
    authority.write(folder / "authority.pem")
    authority.issue(folder, "outside", x509.DNSName(KNOWN))
    return folder


@pytest.fixture(scope="module")
def mesh(folder: Path) -> Iterator[Mesh]:
    members = [
        *(Member(f"{name}-1", name) for name in ("orchestrator", "gateway", "ocr")),
        *(Member(f"{name}-1", name, Inside.ECHO) for name in STORES),
    ]
    outside = Rest(0, folder / "outside")
    with running(overlay("production"), folder, members, outside=outside.port) as mesh:
        yield mesh
    outside.stop()


def says(mesh: Mesh, caller: str, store: str) -> bytes:
    """What a store sends back; nothing when the connection ends."""
    where, port = mesh.virtual(caller, store, STORES[store]).split(":")
    with socket.create_connection((where, int(port)), timeout=30) as connection:
        try:
            connection.sendall(b"PING")
            return connection.recv(100)
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    ("caller", "store", "allowed"),
    [
        ("orchestrator-1", "redis", True),
        ("gateway-1", "redis", True),
        ("ocr-1", "redis", False),
        ("gateway-1", "mongodb", True),
        ("orchestrator-1", "mongodb", False),
    ],
)
def test_stores_are_reached_by_whom_they_are_for(
    mesh: Mesh, caller: str, store: str, *, allowed: bool
) -> None:
    assert says(mesh, caller, store) == (b"PING" if allowed else b"")


def test_documents_come_from_known_hosts_alone(mesh: Mesh, folder: Path) -> None:
    where = mesh.world.elsewhere(mesh.pod("orchestrator-1"))
    trusted = ssl.create_default_context(cafile=folder / "authority.pem")
    with (
        socket.create_connection((where, 443)) as plain,
        trusted.wrap_socket(plain, server_hostname=KNOWN) as tls,
    ):
        tls.sendall(b"GET /a.pdf HTTP/1.1\r\nHost: a\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 200")
    with socket.create_connection((where, 443)) as plain, pytest.raises(OSError):  # noqa: PT011
        trusted.wrap_socket(plain, server_hostname="evil.example.org")

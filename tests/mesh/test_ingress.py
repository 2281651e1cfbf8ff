"""The door to the outside: TLS, gRPC to the orchestrator, all else to the gateway."""

import http.client
import socket
import ssl
from dataclasses import dataclass

import grpc
import pytest

from tests.mesh.mesh import Mesh, ask

HOST = "api.example.org"
HTTPS, HTTP = 8443, 8080
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"


@dataclass(frozen=True)
class Answer:
    """What the door answered."""

    status: int
    location: str | None
    body: str


def get(mesh: Mesh, path: str, host: str = HOST, *, tls: bool = True) -> Answer:
    """Ask the door."""
    where, port = mesh.inbound("ingress", HTTPS if tls else HTTP).split(":")
    sock = socket.create_connection((where, int(port)), timeout=30)
    if tls:
        trusted = ssl.create_default_context(cafile=mesh.world.certificates / "public.pem")
        sock = trusted.wrap_socket(sock, server_hostname=HOST)
    with sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        return Answer(answer.status, answer.headers["location"], answer.read().decode())


def test_rest_goes_to_the_gateway(production: Mesh) -> None:
    answer = get(production, "/v1/documents/a")
    assert (answer.status, answer.body) == (200, "/v1/documents/a")


def test_grpc_goes_to_the_orchestrator(production: Mesh) -> None:
    trusted = (production.world.certificates / "public.pem").read_bytes()
    options = [("grpc.ssl_target_name_override", HOST), ("grpc.enable_http_proxy", 0)]
    address = production.inbound("ingress", HTTPS)
    credentials = grpc.ssl_channel_credentials(trusted)
    with grpc.secure_channel(f"ipv4:{address}", credentials, options) as channel:
        code, said = ask(channel, GET)
    assert code is grpc.StatusCode.OK
    assert said.startswith("orchestrator-")


def test_plain_http_is_sent_to_tls(production: Mesh) -> None:
    answer = get(production, "/v1/documents/a", tls=False)
    assert answer.status == 301
    assert answer.location == f"https://{HOST}/v1/documents/a"


def test_other_hosts_are_not_known(production: Mesh) -> None:
    assert get(production, "/", "other.example.org").status == 404


def test_old_tls_is_refused(production: Mesh) -> None:
    where, port = production.inbound("ingress", HTTPS).split(":")
    client = ssl.create_default_context(cafile=production.world.certificates / "public.pem")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((where, int(port))) as sock,
        client.wrap_socket(sock, server_hostname=HOST) as tls,
    ):
        assert tls.version() == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((where, int(port))) as sock, pytest.raises(ssl.SSLError):
        client.wrap_socket(sock, server_hostname=HOST)

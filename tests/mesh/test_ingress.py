"""The door to the outside: TLS, gRPC with a token to the orchestrator, all else to the gateway."""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from meshkit.telemetry.calls import CALLER_KEY, SUBJECT_KEY
from tests.mesh.issuer import token
from tests.mesh.members import INGRESS, Inside, Member
from tests.mesh.mesh import Mesh, ask
from tests.mesh.running import running
from tests.unit.k8s.overlays import composed

HOST = "api.example.org"
HTTPS, HTTP = 8443, 8080
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"
ANALYZE = "/pagemesh.orchestrator.v1.OrchestratorService/AnalyzeDocument"
ORCHESTRATORS = ("orchestrator-1", "orchestrator-2")
# Production without an issuer, as far as it stands alone.
PARTS = ("components/istio", "components/clients", "components/observability", "wiring")
DENIED, STRANGER = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED
UNKNOWN = grpc.StatusCode.UNIMPLEMENTED


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


@contextmanager
def door(mesh: Mesh) -> Iterator[Any]:
    """A connection of gRPC."""
    trusted = (mesh.world.certificates / "public.pem").read_bytes()
    options = [("grpc.ssl_target_name_override", HOST), ("grpc.enable_http_proxy", 0)]
    address = mesh.inbound("ingress", HTTPS)
    credentials = grpc.ssl_channel_credentials(trusted)
    with grpc.secure_channel(f"ipv4:{address}", credentials, options) as channel:
        yield channel


def bearer(credential: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {credential}"}


def test_grpc_with_a_token_goes_to_the_orchestrator(production: Mesh) -> None:
    """For the client that the token names, whatever the caller says; it does not get the token."""
    told = {**bearer(token(sub="unit-7")), CALLER_KEY: "forged", SUBJECT_KEY: "forged"}
    with door(production) as channel:
        code, said = ask(channel, ANALYZE, metadata=told)
    assert code is grpc.StatusCode.OK
    assert said in ORCHESTRATORS
    (heard,) = production.backends[said].metadata
    assert heard[SUBJECT_KEY] == "unit-7"
    assert not {CALLER_KEY, "authorization"} & heard.keys()


REFUSED: Mapping[str, tuple[Callable[[], Mapping[str, str]], grpc.StatusCode]] = {
    "nothing shown": (dict, DENIED),
    "names alone": (lambda: {CALLER_KEY: "billing", SUBJECT_KEY: "unit-7"}, DENIED),
    "an API key": (lambda: bearer("pm_4f0c2a9be1d7_0000"), STRANGER),
    "another signer": (lambda: bearer(token("another")), STRANGER),
    "another issuer": (lambda: bearer(token(iss="https://evil.example.org")), STRANGER),
    "another audience": (lambda: bearer(token(aud="another")), DENIED),
    "no audience": (lambda: bearer(token(aud=None)), DENIED),
    "expired": (lambda: bearer(token(exp=1)), STRANGER),
    "of nobody": (lambda: bearer(token(sub=None)), DENIED),
}


@pytest.mark.parametrize("case", REFUSED)
def test_grpc_without_a_good_token_is_refused(production: Mesh, case: str) -> None:
    shown, code = REFUSED[case]
    with door(production) as channel:
        assert ask(channel, ANALYZE, metadata=shown())[0] is code
    assert production.calls(*ORCHESTRATORS) == 0


def test_what_asks_for_a_document_by_its_id_does_not_come_from_outside(production: Mesh) -> None:
    with door(production) as channel:
        assert ask(channel, GET, metadata=bearer(token()))[0] is UNKNOWN
    assert production.calls(*ORCHESTRATORS) == 0


def test_without_an_issuer_no_grpc_comes_in(tmp_path: Path) -> None:
    objects = composed(tmp_path / "overlay", *PARTS)
    members = [
        INGRESS,
        Member("orchestrator-1", "orchestrator", Inside.BACKEND),
        Member("gateway-1", "gateway", Inside.REST),
    ]
    with running(objects, tmp_path, members) as mesh:
        with door(mesh) as channel:
            assert ask(channel, ANALYZE, metadata=bearer(token()))[0] is UNKNOWN
        told = mesh.call("ingress", "orchestrator", ANALYZE, metadata=bearer(token()))
        assert told == (DENIED, "RBAC: access denied")
        assert mesh.calls("orchestrator-1") == 0
        assert get(mesh, "/v1/documents/a").status == 200


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

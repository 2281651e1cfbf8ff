"""Who may call whom: mutual TLS, identities, and nothing that is not written."""

from pathlib import Path

import grpc
import pytest

from meshkit.telemetry.calls import CALLER_KEY, SUBJECT_KEY
from tests.mesh.issuer import token
from tests.mesh.members import Inside, Member
from tests.mesh.mesh import Mesh, ask
from tests.mesh.running import running
from tests.unit.k8s.overlays import overlay

READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"
ANALYZE = "/pagemesh.orchestrator.v1.OrchestratorService/AnalyzeDocument"
OK, DENIED = grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
OCR, ORCHESTRATORS = ("ocr-1", "ocr-2"), ("orchestrator-1", "orchestrator-2")


def test_the_orchestrator_reaches_models_by_their_contracts_alone(production: Mesh) -> None:
    code, said = production.call("orchestrator-1", "ocr", READ)
    assert code is OK
    assert said in OCR
    other = production.call("orchestrator-1", "ocr", "/grpc.reflection.v1.ServerReflection/Info")
    assert other == (DENIED, "RBAC: access denied")
    assert production.calls(*OCR) == 1


@pytest.mark.parametrize("caller", ["gateway-1", "deskew-1", "ingress"])
def test_nobody_else_reaches_models(production: Mesh, caller: str) -> None:
    assert production.call(caller, "ocr", READ) == (DENIED, "RBAC: access denied")
    assert production.calls(*OCR) == 0


def test_the_gateway_reaches_the_orchestrator_and_says_for_whom(production: Mesh) -> None:
    """It has asked its clients itself; that a proxy has, it cannot say."""
    told = {CALLER_KEY: "billing", SUBJECT_KEY: "forged"}
    code, said = production.call("gateway-1", "orchestrator", GET, metadata=told)
    assert code is OK
    assert said in ORCHESTRATORS
    (heard,) = production.backends[said].metadata
    assert heard[CALLER_KEY] == "billing"
    assert SUBJECT_KEY not in heard


@pytest.mark.parametrize(
    ("method", "shown", "code"),
    [(ANALYZE, False, DENIED), (GET, True, DENIED), (ANALYZE, True, OK)],
)
def test_the_ingress_has_documents_read_for_tokens(
    production: Mesh, method: str, code: grpc.StatusCode, *, shown: bool
) -> None:
    told = {"authorization": f"Bearer {token()}"} if shown else None
    assert production.call("ingress", "orchestrator", method, metadata=told)[0] is code
    assert production.calls(*ORCHESTRATORS) == (code is OK)


@pytest.mark.parametrize("caller", ["ocr-1", "orchestrator-1"])
def test_nobody_else_reaches_the_orchestrator(production: Mesh, caller: str) -> None:
    assert production.call(caller, "orchestrator", GET) == (DENIED, "RBAC: access denied")
    assert production.calls(*ORCHESTRATORS) == 0


def test_plain_text_is_refused(production: Mesh) -> None:
    with grpc.insecure_channel(f"ipv4:{production.inbound('ocr-1')}") as channel:
        assert ask(channel, READ)[0] is UNAVAILABLE
    assert production.count("ocr-1", r"no_filter_chain_match$") > 0
    assert production.calls(*OCR) == 0


def test_tls_without_a_certificate_is_refused(production: Mesh) -> None:
    address = production.inbound("ocr-1")
    trusted = (production.world.certificates / "authority.pem").read_bytes()
    with grpc.secure_channel(f"ipv4:{address}", grpc.ssl_channel_credentials(trusted)) as channel:
        assert ask(channel, READ)[0] is UNAVAILABLE
    assert production.calls(*OCR) == 0


def test_a_certificate_of_a_foreign_authority_is_refused(production: Mesh) -> None:
    assert production.pod("impostor").identity == production.pod("orchestrator-1").identity
    assert production.call("impostor", "ocr", READ)[0] is UNAVAILABLE
    refused = production.count("ocr-1", r"ssl\.fail_verify_error") + production.count(
        "ocr-2", r"ssl\.fail_verify_error"
    )
    assert refused > 0
    assert production.calls(*OCR) == 0


@pytest.mark.parametrize("model", ["signature", "checkbox"])
def test_a_server_that_is_not_who_it_should_be_gets_no_page(production: Mesh, model: str) -> None:
    """The one shows a foreign authority's certificate, the other another account's."""
    assert production.call("orchestrator-1", model, READ)[0] is UNAVAILABLE
    assert production.count("orchestrator-1", rf"\|{model}\..*ssl\.fail_verify") > 0
    assert production.calls(f"{model}-1") == 0


def test_hosts_that_nobody_knows_are_refused(production: Mesh) -> None:
    address = production.virtual("orchestrator-1", "ocr")
    for name, refused in (("ocr.pagemesh.svc.cluster.local", False), ("example.org", True)):
        options = [("grpc.default_authority", f"{name}:50051")]
        with grpc.insecure_channel(f"ipv4:{address}", options) as channel:
            code, _ = ask(channel, READ)
        assert code is (UNAVAILABLE if refused else OK)
    assert production.calls(*OCR) == 1


def test_what_no_policy_names_is_denied(tmp_path: Path) -> None:
    objects = overlay("production")
    (models,) = [
        made for made in objects.of("AuthorizationPolicy") if made["metadata"]["name"] == "models"
    ]
    objects.all.remove(models)
    members = [Member("orchestrator-1", "orchestrator"), Member("ocr-1", "ocr", Inside.BACKEND)]
    with running(objects, tmp_path, members) as mesh:
        assert mesh.call("orchestrator-1", "ocr", READ) == (DENIED, "RBAC: access denied")
        assert mesh.calls("ocr-1") == 0

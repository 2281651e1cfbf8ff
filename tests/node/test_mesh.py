"""The mesh with Istio on a node: its control plane, node agent, proxies and ingress are pods.

What production has beyond it are stores and operators. Envoy and the images of Istio's programs are
those of `infra.istio_images`.
"""

import base64
import importlib
import io
import json
import secrets
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml
from cryptography import x509
from google.protobuf import message_factory
from PIL import Image

from bench.sidecar.envoy import binary
from gateway.security.keys import create_key
from infra.control_plane import ControlPlane
from infra.istio_images import NAMES, build_istio_images
from infra.istiod import install_in_pods
from infra.machine import Machine
from infra.node import Node
from orchestrator.config import MODELS
from orchestrator.testing import tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from tests.cluster.conftest import mesh_config
from tests.mesh.certificates import Authority
from tests.mesh.issuer import keys, token
from tests.mesh.rollout import Load
from tests.node import caller
from tests.node.conftest import DEPLOY, Say, eventually, overlay, pods
from tests.unit.k8s.overlays import component

HOST = "api.example.org"
PORT = 50051
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
DENIED = "PERMISSION_DENIED RBAC: access denied"
ISTIO = "istio-system"
CALLERS = 3


class Door:
    """The ingress as clients outside see it.

    Attributes:
        address: of its service.
        authorities: the file of those that signed its certificate.
    """

    def __init__(self, address: str, authorities: Path) -> None:
        self.address = address
        self.authorities = authorities

    def client(self, key: str = "") -> httpx.Client:
        """A client of REST."""
        shown = {"Authorization": f"Bearer {key}"} if key else {}
        trusted = ssl.create_default_context(cafile=self.authorities)
        return httpx.Client(
            base_url=f"https://{self.address}",
            headers={"Host": HOST, **shown},
            verify=trusted,
            timeout=60,
            trust_env=False,
        )

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A connection that repeats nothing."""
        options = [
            ("grpc.ssl_target_name_override", HOST),
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        trusted = grpc.ssl_channel_credentials(self.authorities.read_bytes())
        with grpc.secure_channel(f"ipv4:{self.address}:443", trusted, options) as channel:
            yield channel


@pytest.fixture(scope="module")
def istio(plane: ControlPlane, node: Node) -> None:
    """Istio, in pods."""
    envoy = binary()
    assert envoy is not None
    build_istio_images(envoy)
    node.take(NAMES)
    install_in_pods(plane, mesh_config(), node)


@pytest.fixture(scope="module")
def door(
    plane: ControlPlane, istio: None, machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Door:
    """The ingress, with a certificate, and with a name that the node's programs know."""
    folder = tmp_path_factory.mktemp("door")
    public = Authority("public")
    public.write(folder / "public.pem")
    public.issue(folder, "tls", x509.DNSName(HOST))
    files = (f"--cert={folder / 'tls.pem'}", f"--key={folder / 'tls.key'}")
    plane.say("create", "secret", "tls", "pagemesh-tls", f"--namespace={ISTIO}", *files)
    asked = ("get", "service", "istio-ingressgateway", f"--namespace={ISTIO}")
    address = plane.say(*asked, "--output=jsonpath={.spec.clusterIP}")
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{address} {HOST}\n")
    machine.say("mount", "--bind", str(folder / "hosts"), "/etc/hosts")
    return Door(address, folder / "public.pem")


@pytest.fixture(scope="module")
def key(plane: ControlPlane, node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a client of REST, in the secret of clients."""
    folder = tmp_path_factory.mktemp("clients")
    shown = create_key(folder / "keys.json", "billing")
    (folder / "webhook-secrets").write_text(secrets.token_hex())
    files = [f"--from-file={folder / name}" for name in ("keys.json", "webhook-secrets")]
    plane.say("create", "namespace", "pagemesh")
    plane.say("create", "secret", "generic", "gateway-clients", "--namespace=pagemesh", *files)
    return shown


@pytest.fixture(scope="module")
def mesh(door: Door, key: str, deploy: Say, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The overlay, deployed: two pods of each by the autoscalers' least, clients without rates.

    The issuer is nowhere here: istiod is told its keys.
    """
    folder = tmp_path_factory.mktemp("mesh")
    component(folder / "knobs", ["REGISTRY=localhost", "REQUEST_RATE=", "DOCUMENT_RATE="])
    told = [
        {"op": "remove", "path": "/spec/jwtRules/0/jwksUri"},
        {"op": "add", "path": "/spec/jwtRules/0/jwks", "value": keys()},
    ]
    (folder / "issuer").mkdir()
    made = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [{"target": {"kind": "RequestAuthentication"}, "patch": yaml.safe_dump(told)}],
    }
    (folder / "issuer" / "kustomization.yaml").write_text(yaml.safe_dump(made))
    parts = ["components/istio", "components/clients", "components/oidc"]
    overlay(folder, ["base"], ["knobs", *parts, "wiring", "issuer"])
    done = deploy("deploy", f"--overlay={folder}")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_a_document_through_the_ingress(
    mesh: Path, door: Door, plane: ControlPlane, inside: Callable[..., str], tmp_path: Path
) -> None:
    """`make deploy` with its smoke document, by TLS, from a machine that knows the host."""
    (tmp_path / "token").write_text(token())
    arguments = ("deploy", f"--overlay={mesh}", f"--kubectl={plane.kubectl}")
    smoke = (f"--smoke=grpcs://{HOST}:443", f"--smoke-key-file={tmp_path / 'token'}")
    trusted = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(door.authorities)}
    said = inside(*DEPLOY, *arguments, *smoke, **trusted)
    assert f"application_form.pdf read through grpcs://{HOST}:443: 3 pages" in said


def test_nobody_comes_in_without_saying_who_it_is(mesh: Path, door: Door, key: str) -> None:
    """By REST a key, by gRPC a token, which opens no document by its id."""
    with door.client() as nobody, door.client(key) as client:
        assert listed(nobody).startswith("401 ")
        assert listed(client) == "OK"
    with door.channel() as channel:
        assert analyzed(channel, "").startswith(DENIED)
        assert analyzed(channel, token("another")).startswith("UNAUTHENTICATED Jwt")
        assert analyzed(channel, key).startswith("UNAUTHENTICATED Jwt")
        assert analyzed(channel, token()) == "OK"
        stub: Any = OrchestratorServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.GetDocument(pb.GetDocumentRequest(request_id="a"), metadata=bearer(token()))
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_only_the_orchestrator_calls_models_and_only_their_contracts(
    plane: ControlPlane, mesh: Path
) -> None:
    """The gateway's proxy does not even reach them: there is a NetworkPolicy before Istio's."""
    method, request = call_of("deskew")
    orchestrator, gateway = (pods(plane, name)[0] for name in ("orchestrator", "gateway"))
    assert asked(plane, orchestrator, "deskew", method, request) == "OK"
    assert asked(plane, orchestrator, "deskew", REFLECT, b"") == DENIED
    said = asked(plane, gateway, "deskew", method, request)
    assert said.startswith("UNAVAILABLE")
    assert "connection" in said


def test_who_has_no_proxy_is_refused(plane: ControlPlane, mesh: Path) -> None:
    """A pod that the network lets through, as it says that it is an orchestrator."""
    (address, *_) = [one["status"]["podIP"] for one in pods(plane, "deskew")]
    made = pods(plane, "orchestrator")[0]
    server = made["spec"]["containers"][-1]
    kept = ("image", "securityContext")
    plain = {"name": "server", "command": ["sleep", "600"], **{key: server[key] for key in kept}}
    labels = {"app.kubernetes.io/component": "orchestrator", "sidecar.istio.io/inject": "false"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", "namespace": "pagemesh", "labels": labels},
        "spec": {
            "containers": [plain],
            "securityContext": made["spec"]["securityContext"],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        },
    }
    plane.say("apply", "--filename=-", stdin=json.dumps(pod))
    plane.say("wait", "pod/plain", "-n", "pagemesh", "--for=condition=Ready", "--timeout=120s")
    method, request = call_of("deskew")
    arguments = (f"{address}:{PORT}", method, base64.b64encode(request).decode(), "0")
    said = plane.say(*execute("plain", arguments))
    plane.say("delete", "pod", "plain", "-n", "pagemesh")
    assert said.startswith("UNAVAILABLE")
    assert "reset by peer" in said


@pytest.mark.parametrize("model", MODELS)
def test_a_models_pods_are_replaced_and_no_call_is_lost(
    plane: ControlPlane, mesh: Path, model: str
) -> None:
    """Called from the orchestrator's pod by its proxy; nobody repeats a call."""
    answers = replaced_under_load(plane, model)
    assert set(answers) == {"OK"}, answers
    assert answers["OK"] > 10 * CALLERS
    print(f"{model}: {answers['OK']} calls, none lost")


def test_calls_are_lost_when_pods_do_not_sleep_before_they_end(
    plane: ControlPlane, mesh: Path, deploy: Say
) -> None:
    """What the tests around this one would see."""
    gone = [{"op": "remove", "path": "/spec/template/spec/containers/0/lifecycle"}]
    where = ("deployment", "deskew", "--namespace=pagemesh")
    plane.say("patch", *where, "--type=json", f"--patch={json.dumps(gone)}")
    settle(plane, "deployment/deskew", "deskew")
    answers = replaced_under_load(plane, "deskew", 3 * CALLERS)
    lost = sum(answers.values()) - answers["OK"]
    assert lost > 0
    print(f"deskew without preStop: {lost} of {sum(answers.values())} calls lost")
    done = deploy("deploy", f"--overlay={mesh}")
    assert (done.returncode, done.stderr) == (0, "")
    settle(plane, "deployment/deskew", "deskew")


def test_the_orchestrators_pods_are_replaced_and_no_document_is_lost(
    plane: ControlPlane, mesh: Path, door: Door
) -> None:
    """A StatefulSet; documents come through the ingress, streams that nobody can repeat."""
    with ExitStack() as stack:
        channels = [stack.enter_context(door.channel()) for _ in range(CALLERS)]
        shown = token()
        with Load([partial(analyzed, channel, shown) for channel in channels]) as load:
            replace(plane, "statefulset/orchestrator", "orchestrator")
            load.wait_for_rounds(2)
    assert set(load.answers) == {"OK"}, load.answers
    print(f"orchestrator: {load.answers['OK']} documents, none lost")


def test_the_gateways_pods_are_replaced_and_no_call_is_lost(
    plane: ControlPlane, mesh: Path, door: Door, key: str
) -> None:
    """REST through the ingress."""
    with ExitStack() as stack:
        clients = [stack.enter_context(door.client(key)) for _ in range(CALLERS)]
        with Load([partial(listed, client) for client in clients]) as load:
            replace(plane, "deployment/gateway", "gateway")
            load.wait_for_rounds(2)
    assert set(load.answers) == {"OK"}, load.answers
    print(f"gateway: {load.answers['OK']} calls, none lost")


def replaced_under_load(plane: ControlPlane, model: str, callers: int = CALLERS) -> dict[str, int]:
    """How often each answer came while all pods of a model were replaced."""
    method, request = call_of(model)
    inside = pods(plane, "orchestrator")[0]["metadata"]["name"]
    arguments = (f"{model}:{PORT}", method, base64.b64encode(request).decode(), str(callers))
    with plane.talk(*execute(inside, arguments, "--stdin")) as load:
        assert load.stdout is not None
        assert load.stdout.readline() == "ready\n"
        replace(plane, f"deployment/{model}", model)
        out, _ = load.communicate(timeout=120)
    answers: dict[str, int] = json.loads(out)
    return answers


def replace(plane: ControlPlane, workload: str, name: str) -> None:
    """Have every pod of a workload replaced by its controller, and wait for the end of the old."""
    old = {one["metadata"]["uid"] for one in all_pods(plane, name)}
    plane.say("rollout", "restart", workload, "--namespace=pagemesh")
    settle(plane, workload, name)
    assert not old & {one["metadata"]["uid"] for one in all_pods(plane, name)}


def settle(plane: ControlPlane, workload: str, name: str) -> None:
    """Wait until a rollout is over, and its old pods are gone."""
    plane.say("rollout", "status", workload, "--namespace=pagemesh", "--timeout=400s")
    eventually(lambda: len(all_pods(plane, name)) == 2)


def all_pods(plane: ControlPlane, workload: str) -> list[Any]:
    """A workload's pods, with those that end."""
    label = f"--selector=app.kubernetes.io/name={workload}"
    said = plane.say("get", "pods", "--namespace=pagemesh", label, "--output=json")
    return list(json.loads(said)["items"])


def call_of(model: str) -> tuple[str, bytes]:
    """A model's unary method, and a request with an empty page."""
    service = importlib.import_module(f"servers.{model}.service").SERVICE
    file = io.BytesIO()
    Image.new("L", (200, 280), 255).save(file, "PNG")
    made: Any = message_factory.GetMessageClass(service.unary.input_type)
    page = {"page_id": "a", "encoded": {"data": file.getvalue()}}
    path = f"/{service.service_name}/{service.unary.name}"
    return path, made(page=page).SerializeToString()


def execute(pod: str, arguments: Sequence[str], *flags: str) -> list[str]:
    """kubectl's arguments that run `tests.node.caller` in a pod's server."""
    inside = ["exec", pod, "--namespace=pagemesh", "--container=server", *flags, "--"]
    return [*inside, "python", "-c", Path(caller.__file__).read_text(), *arguments]


def asked(plane: ControlPlane, pod: Any, service: str, method: str, request: bytes) -> str:
    """What a call from a pod is answered."""
    encoded = base64.b64encode(request).decode()
    arguments = (f"{service}:{PORT}", method, encoded, "0")
    return plane.say(*execute(pod["metadata"]["name"], arguments)).strip()


def bearer(shown: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {shown}"),) if shown else ()


def analyzed(channel: Any, shown: str) -> str:
    """A page through the ingress."""
    spec = pb.DocumentSpec(pipeline="signatures")
    requests = [pb.AnalyzeDocumentRequest(spec=spec), pb.AnalyzeDocumentRequest(chunk=tiff(1))]
    stub: Any = OrchestratorServiceStub(channel)
    try:
        call = stub.AnalyzeDocument(iter(requests), timeout=100, metadata=bearer(shown))
        events = list(call)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    (page,) = [event.page for event in events if event.WhichOneof("event") == "page"]
    return page.error.message if page.HasField("error") else "OK"


def listed(client: httpx.Client) -> str:
    """The pipelines, by REST."""
    try:
        answer = client.get("/v1/pipelines", extensions={"sni_hostname": HOST})
    except httpx.HTTPError as error:
        return repr(error)
    found = answer.status_code == 200 and '"signatures"' in answer.text
    return "OK" if found else f"{answer.status_code} {answer.text}"

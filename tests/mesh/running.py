"""Starts meshes: certificates, proxies, and what stands behind them."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import yaml
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.sidecar import envoy
from scripts.manifests.environment import environment
from scripts.manifests.objects import Objects
from tests.mesh.backend import Backend
from tests.mesh.certificates import Authority
from tests.mesh.collector import Collector
from tests.mesh.issuer import keys
from tests.mesh.istio.proxy import Proxy
from tests.mesh.istio.world import Place, World
from tests.mesh.members import Inside, Member, place, workload
from tests.mesh.mesh import GRPC_PORT, Mesh
from tests.mesh.others import Echo, Rest
from tests.mesh.ports import later_port

ROOT = Path(__file__).parents[2]
METRICS_PORT, HTTP_PORT = 9464, 8080
_START_SECONDS = 60.0
# A mesh's addresses are its own, beside other meshes' of this process and of others.
_NETWORKS = itertools.count()


def plan(
    objects: Objects,
    folder: Path,
    members: Sequence[Member],
    *,
    hurry: float = 1,
    outside: int = 0,
    changing: Set[str] = frozenset(),
) -> World:
    """Where all of a mesh will be; arguments as of `World`."""
    pods = [place(objects, member) for member in members]
    return World(
        objects=objects,
        pods=pods,
        certificates=folder / "certificates",
        network=64 + (os.getpid() + next(_NETWORKS)) % 128,
        admin={pod.name: later_port() for pod in pods},
        providers=_providers(),
        jwks={rule["jwksUri"]: keys() for rule in _token_rules(objects)},
        outside=outside,
        hurry=hurry,
        changing=changing,
    )


@contextmanager
def running(
    objects: Objects,
    folder: Path,
    members: Sequence[Member],
    *,
    hurry: float = 1,
    outside: int = 0,
) -> Iterator[Mesh]:
    """A mesh of some pods of an overlay; arguments as of `World`."""
    world = plan(objects, folder, members, hurry=hurry, outside=outside)
    certify(world)
    with ExitStack() as stack:
        mesh = Mesh(world, folder)
        stack.callback(mesh.close)
        for member, pod in zip(members, world.pods, strict=True):
            stack.enter_context(one(mesh, member, pod))
        for pod in world.pods:
            wait(mesh, pod)
        yield mesh


@contextmanager
def one(mesh: Mesh, member: Member, pod: Place) -> Iterator[None]:
    """A pod of a mesh: what is in it, and its proxy."""
    with _inside(mesh, member, pod), _envoy(mesh, pod):
        yield


def wait(mesh: Mesh, pod: Place) -> None:
    """Until a pod's proxy and what is behind it are ready. Raises AssertionError."""
    _until(lambda: mesh.admin(pod.name, "/ready"), mesh.folder / pod.name)
    if (pod.name, "server") in mesh.processes and HTTP_PORT in pod.containers:
        ready = f"http://127.0.0.1:{pod.containers[HTTP_PORT]}/readyz"
        _until(lambda: urllib.request.urlopen(ready, timeout=5).close(), mesh.folder / pod.name)
    if GRPC_PORT in pod.containers:
        with grpc.insecure_channel(_container(pod)) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest()

            def check() -> None:
                answer = health.Check(asked, timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING

            _until(check, mesh.folder / pod.name)


def _until(works: Callable[[], object], folder: Path) -> None:
    """Try until it works. Raises AssertionError with what the folder's logs say."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            works()
        except (OSError, AssertionError, grpc.RpcError):
            if time.monotonic() > deadline:
                said = [path.read_text()[-2000:] for path in sorted(folder.glob("*.log"))]
                raise AssertionError(
                    "\n".join([f"{folder.name} does not come up", *said])
                ) from None
            time.sleep(0.05)
        else:
            return


def _providers() -> list[Any]:
    """Providers of telemetry, in the part of Istio's configuration that the documents show."""
    text = (ROOT / "docs" / "operations.md").read_text()
    shown = re.search(r"```yaml\n(meshConfig:.*?)```", text, re.DOTALL)
    assert shown
    return list(yaml.safe_load(shown[1])["meshConfig"]["extensionProviders"])


def _token_rules(objects: Objects) -> list[Any]:
    return [rule for one in objects.of("RequestAuthentication") for rule in one["spec"]["jwtRules"]]


def certify(world: World) -> None:
    world.certificates.mkdir()
    ours, foreign = Authority("cluster"), Authority("foreign")
    ours.write(world.certificates / "authority.pem")
    for pod in world.pods:
        signer = foreign if pod.foreign else ours
        signer.issue(world.certificates, pod.name, x509.UniformResourceIdentifier(pod.identity))
    public = Authority("public")
    public.write(world.certificates / "public.pem")
    for made in world.objects.of("Gateway"):
        for server in made["spec"]["servers"]:
            if "credentialName" in server["tls"]:
                names = x509.DNSName(server["hosts"][0])
                public.issue(world.certificates, server["tls"]["credentialName"], names)


@contextmanager
def _envoy(mesh: Mesh, pod: Place) -> Iterator[None]:
    folder = mesh.folder / pod.name
    folder.mkdir(exist_ok=True)
    config = folder / "envoy.json"
    config.write_text(json.dumps(Proxy(mesh.world, pod, str(folder)).bootstrap(), indent=1))
    flags = ["--log-level", "warning", "--use-dynamic-base-id", "--concurrency", "1"]
    flags += ["--file-flush-interval-msec", "200"]
    with _process(mesh, folder / "envoy.log", [str(envoy.binary()), "-c", str(config), *flags]):
        yield


@contextmanager
def _inside(mesh: Mesh, member: Member, pod: Place) -> Iterator[None]:
    """What runs in a pod beside its Envoy."""
    folder = mesh.folder / pod.name
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        if member.inside in (Inside.BACKEND, Inside.SIDECAR):
            behind = member.inside is Inside.SIDECAR
            own = f"unix:{folder}/model.sock" if behind else _container(pod)
            backend = mesh.backends[pod.name] = Backend(pod.name)
            backend.start(own)
            stack.callback(backend.stop)
        if member.inside is Inside.MODEL:
            variables = {"UNIX_SOCKET": f"{folder}/model.sock", "INTRA_OP_THREADS": "1"}
            stack.enter_context(_program(mesh, member, pod, "server", variables))
        if member.inside in (Inside.SIDECAR, Inside.MODEL):
            variables = {
                "NAME": pod.account,
                "LISTEN": _container(pod),
                "UPSTREAM": f"unix:{folder}/model.sock",
                "METRICS_HOST": "127.0.0.1",
                "METRICS_PORT": str(pod.containers[METRICS_PORT]),
                "WAIT_SECONDS": "20",
            }
            stack.enter_context(_program(mesh, member, pod, "sidecar", variables))
        if member.inside is Inside.ORCHESTRATOR:
            stack.enter_context(_orchestrator(mesh, member, pod))
        if member.inside is Inside.GATEWAY:
            stack.enter_context(_gateway(mesh, member, pod))
        if member.inside is Inside.REST:
            stack.callback(Rest(pod.containers[HTTP_PORT]).stop)
        if member.inside is Inside.ECHO:
            stack.callback(Echo(*pod.containers.values()).stop)
        if member.inside is Inside.COLLECTOR:
            mesh.collector = Collector()
            mesh.collector.start(pod.containers[4317], pod.containers[4318])
            stack.callback(mesh.collector.stop)
        yield


@contextmanager
def _orchestrator(mesh: Mesh, member: Member, pod: Place) -> Iterator[None]:
    folder = mesh.folder / pod.name
    models = [one for one in mesh.world.services if one.name not in ("orchestrator", "gateway")]
    variables = {
        f"{one.name.upper()}_TARGET": f"ipv4:{mesh.virtual(pod.name, one.name)}"
        for one in models
        if any(port.number == GRPC_PORT for port in one.ports)
    }
    (folder / "scratch").mkdir(exist_ok=True)
    host, port = _container(pod).split(":")
    variables |= {"HOST": host, "PORT": port}
    variables |= {"STATE_DIR": str(folder / "state"), "SCRATCH_DIR": str(folder / "scratch")}
    with _program(mesh, member, pod, "server", variables):
        yield


@contextmanager
def _gateway(mesh: Mesh, member: Member, pod: Place) -> Iterator[None]:
    variables = {
        "ORCHESTRATOR_TARGET": f"ipv4:{mesh.virtual(pod.name, 'orchestrator')}",
        "HOST": "127.0.0.1",
        "PORT": str(pod.containers[HTTP_PORT]),
        "STATE_DIR": str(mesh.folder / pod.name / "state"),
    }
    with _program(mesh, member, pod, "server", variables):
        yield


@contextmanager
def _program(
    mesh: Mesh, member: Member, pod: Place, container: str, changed: Mapping[str, str]
) -> Iterator[None]:
    """A process of ours, with its container's own variables but for a few that name places."""
    containers = workload(mesh.world.objects, member.workload).containers
    (found,) = [one for one in containers if one["name"] == container]
    noun = "sidecar" if container == "sidecar" else pod.account
    module = noun if noun in ("sidecar", "orchestrator", "gateway") else f"servers.{noun}"
    variables = environment(mesh.world.objects, found)
    variables |= {f"PAGEMESH_{noun.upper()}_{name}": value for name, value in changed.items()}
    if "OTEL_EXPORTER_OTLP_ENDPOINT" in variables:
        collector = mesh.virtual(pod.name, "otel-collector", 4318)
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{collector}"
    log = mesh.folder / pod.name / f"{container}.log"
    with _process(mesh, log, [sys.executable, "-m", module], {**os.environ, **variables}):
        yield


@contextmanager
def _process(
    mesh: Mesh, log: Path, command: list[str], environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A pod's process; the log is called after its container."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env=environ, cwd=ROOT
        )
        mesh.processes[log.parent.name, log.stem] = process
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _container(pod: Place) -> str:
    """Where a pod's gRPC server listens."""
    return f"127.0.0.1:{pod.containers[GRPC_PORT]}"

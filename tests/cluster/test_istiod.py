"""istiod itself: what it refuses, what it puts into pods, and who may call whom by its proxies.

Pods of production are network namespaces with Istio's rules, its agent and an Envoy; behind it is a
small server instead of ours.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.sidecar.envoy import binary
from infra.control_plane import ControlPlane
from infra.downloads import ServiceError
from infra.pods import Network, RealPod
from orchestrator.config import MODELS
from tests.cluster import comparison
from tests.cluster.conftest import ROOT, STAND_INS, Say, eventually
from tests.mesh.issuer import keys, token
from tests.mesh.istio import clusters as translated
from tests.mesh.istio.routes import virtual_hosts
from tests.mesh.istio.tokens import authentication
from tests.mesh.members import Inside, Member, several
from tests.mesh.running import plan
from tests.unit.k8s.overlays import overlay

PORT = 50051
READ = "/pagemesh.ocr.v1.OcrService/RecognizePage"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
GET = "/pagemesh.orchestrator.v1.OrchestratorService/GetDocument"
DENIED = "PERMISSION_DENIED RBAC: access denied"
INSIDE = [sys.executable, "-m", "tests.cluster.inside"]
SERVING = ("ocr", "orchestrator")
CALLS = f"outbound|{PORT}|"


@pytest.fixture(scope="module")
def production(cluster: ControlPlane, deploy: Say) -> ControlPlane:
    for name in ("pagemesh", "pagemesh-logging"):
        cluster.say("wait", f"namespace/{name}", "--for=delete", "--timeout=120s")
    cluster.say("apply", "--server-side", f"--filename={STAND_INS}")
    done = deploy("deploy", "--overlay=production")
    assert (done.returncode, done.stderr) == (0, "")
    return cluster


@pytest.fixture(scope="module")
def pods(
    production: ControlPlane, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RealPod]]:
    """All pods of OCR and of the orchestrator, one of the gateway, as this machine's; by name."""
    envoy, folder = binary(), tmp_path_factory.mktemp("pods")
    assert envoy is not None
    names = [*named(production, "ocr"), *named(production, "orchestrator")]
    names.append(named(production, "gateway")[0])
    with ExitStack() as stack:
        running = {}
        for name in names:
            pod = running[name] = RealPod(production, network, name, envoy=envoy, folder=folder)
            stack.callback(pod.stop)
            pod.start()
            if name.startswith(SERVING):
                pod.run([*INSIDE, "serve", name, str(PORT)], "server", folder=ROOT)
        for pod in running.values():
            eventually(pod.is_ready)
        yield running


def named(plane: ControlPlane, workload: str) -> list[str]:
    """Pods of a workload."""
    label = f"--selector=app.kubernetes.io/name={workload}"
    said = plane.say("get", "pods", "--namespace=pagemesh", label, "--output=name")
    return [line.removeprefix("pod/") for line in said.split()]


def asked(plane: ControlPlane, pod: RealPod, service: str, method: str, *token: str) -> str:
    """What a call to a service's virtual address from a pod is answered: code and text."""
    address = plane.say(
        *("get", "service", service, "--namespace=pagemesh"),
        "--output=jsonpath={.spec.clusterIP}",
    )
    call = ("ask", f"{address}:{PORT}", f"{service}:{PORT}", method, *token)
    done = pod.says(*INSIDE, *call, folder=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_istiod_refuses_what_means_nothing(production: ControlPlane) -> None:
    asked = ("get", "virtualservice", "orchestrator", "--namespace=pagemesh", "--output=yaml")
    made: Any = yaml.safe_load(production.say(*asked))
    made["spec"]["http"][1]["retries"]["retryOn"] = "whenever"
    with pytest.raises(ServiceError, match=r"validation\.istio\.io.*whenever"):
        production.say("apply", "--filename=-", "--dry-run=server", stdin=yaml.safe_dump(made))


def test_every_pod_has_a_proxy_before_its_own_containers(production: ControlPlane) -> None:
    said = production.say("get", "pods", "--namespace=pagemesh", "--output=json")
    made = json.loads(said)["items"]
    assert len(made) > 15
    for pod in made:
        first = [one for one in pod["spec"]["initContainers"] if "restartPolicy" in one]
        assert first[0]["name"] == "istio-proxy"
        assert first[0]["restartPolicy"] == "Always"
        assert first[0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_orchestrator_reaches_models_by_their_contracts_alone(
    production: ControlPlane, pods: dict[str, RealPod]
) -> None:
    caller = pods["orchestrator-0"]
    answered = {asked(production, caller, "ocr", READ) for _ in range(12)}
    assert answered <= {f"OK {name}" for name in named(production, "ocr")}
    assert asked(production, caller, "ocr", REFLECT) == DENIED


def test_the_gateway_reaches_the_orchestrator_and_no_model(
    production: ControlPlane, pods: dict[str, RealPod]
) -> None:
    (caller,) = [pod for name, pod in pods.items() if name.startswith("gateway")]
    assert asked(production, caller, "orchestrator", GET) == "OK orchestrator-0"
    assert asked(production, caller, "ocr", READ) == DENIED


def test_models_do_not_reach_the_orchestrator(
    production: ControlPlane, pods: dict[str, RealPod]
) -> None:
    caller = pods[named(production, "ocr")[0]]
    assert asked(production, caller, "orchestrator", GET) == DENIED


def test_plain_text_is_refused(production: ControlPlane, pods: dict[str, RealPod]) -> None:
    """From this machine, which has no proxy, to a pod's own address."""
    address = pods[named(production, "ocr")[0]].address
    command = [*INSIDE, "ask", f"{address}:{PORT}", f"ocr:{PORT}", READ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("UNAVAILABLE")
    assert "reset by peer" in done.stdout


def test_istiod_makes_of_the_resources_what_the_tests_of_the_mesh_do(
    pods: dict[str, RealPod], tmp_path: Path
) -> None:
    """How services are balanced, bounded and rested; where calls go, how long, how often."""
    done = pods["orchestrator-0"].says(*INSIDE, "configuration", folder=ROOT)
    parts = json.loads(done.stdout)["configs"]
    members = [Member("orchestrator-0", "orchestrator"), *several("ocr", 2, Inside.BACKEND)]
    world = plan(overlay("production"), tmp_path, members)
    ours = comparison.clusters(
        one for one in translated.outbound(world, world.pods[0]) if one["name"].startswith(CALLS)
    )
    assert len(ours) == 11
    active = [one["cluster"] for part in parts for one in part.get("dynamic_active_clusters", [])]
    theirs = comparison.clusters(one for one in active if one["name"] in ours)
    assert theirs == ours
    found = [one["route_config"] for part in parts for one in part.get("dynamic_route_configs", [])]
    (calls,) = [one["virtual_hosts"] for one in found if one["name"] == str(PORT)]
    assert _by_service(calls) == _by_service(virtual_hosts(world, world.pods[0], PORT))
    (checked,) = comparison.tokens(parts)
    assert comparison.tokens(authentication(world, world.pods[0])) == {checked}


def test_a_token_that_is_shown_to_the_orchestrator_must_be_good(
    production: ControlPlane, pods: dict[str, RealPod]
) -> None:
    """Shown by the gateway, which may call without. The issuer is nowhere here: istiod is told its
    keys."""
    (caller,) = [pod for name, pod in pods.items() if name.startswith("gateway")]
    forged = asked(production, caller, "orchestrator", GET, token("another"))
    assert forged.startswith("UNAUTHENTICATED Jwt")
    told = [
        {"op": "remove", "path": "/spec/jwtRules/0/jwksUri"},
        {"op": "add", "path": "/spec/jwtRules/0/jwks", "value": keys()},
    ]
    where = ("requestauthentication", "orchestrator", "--namespace=pagemesh", "--type=json")
    production.say("patch", *where, f"--patch={json.dumps(told)}")
    good, answer = token(), "OK orchestrator-0"
    eventually(lambda: asked(production, caller, "orchestrator", GET, good) == answer)
    forged = asked(production, caller, "orchestrator", GET, token("another"))
    assert forged.startswith("UNAUTHENTICATED Jwt")
    other = asked(production, caller, "orchestrator", GET, token(aud="another"))
    assert other.startswith("PERMISSION_DENIED")


def _by_service(hosts: list[Any]) -> dict[str, Any]:
    """What becomes of calls to the project's own services."""
    named = {host["name"].partition(".")[0]: host["routes"] for host in hosts}
    return {name: comparison.routes(named[name]) for name in (*MODELS, "orchestrator")}

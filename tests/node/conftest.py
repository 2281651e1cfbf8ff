"""A cluster of one real node: kubelet and containerd run the images that `make images` builds."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.containers import image_name
from infra.control_plane import ControlPlane
from infra.machine import Machine
from infra.node import Node
from orchestrator.config import MODELS

ROOT = Path(__file__).parents[2]
TAG = os.environ.get("NODE", "")
NOUNS = (*MODELS, "sidecar", "orchestrator", "gateway")
VOLUMES = 4
_PATIENCE_SECONDS = 180.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))
            item.add_marker(pytest.mark.xdist_group("node"))
            if not TAG:
                item.add_marker(pytest.mark.skip("`make test-node` builds a node and its images"))


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine inside this one."""
    made = Machine(
        f"pm{secrets.token_hex(3)}", IPv4Network(f"10.245.{secrets.randbelow(256)}.0/24")
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def plane(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Kubernetes without a node."""
    made = ControlPlane(tmp_path_factory.mktemp("plane"), machine.outside, played=False)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def node(
    plane: ControlPlane, machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """The cluster's node, with our images and some volumes."""
    made = Node(plane, machine, tmp_path_factory.mktemp("node"))
    try:
        made.start([image_name(noun, TAG) for noun in NOUNS])
        plane.say("apply", "--filename=-", stdin=yaml.safe_dump_all(made.volumes(VOLUMES)))
        yield made
    finally:
        made.stop()


Say = Callable[..., subprocess.CompletedProcess[str]]
DEPLOY = (sys.executable, "-m", "scripts.deploy")
PAGEMESH = str(Path(sys.executable).with_name("pagemesh"))


@pytest.fixture(scope="session")
def deploy(plane: ControlPlane) -> Say:
    """`python -m scripts.deploy COMMAND ...` against the cluster."""

    def say(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DEPLOY, *arguments, f"--kubectl={plane.kubectl}"],
            cwd=ROOT,
            env=plane.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return say


@pytest.fixture(scope="session")
def inside(plane: ControlPlane, machine: Machine) -> Callable[..., str]:
    """What a command says on the node, which may reach every pod of its own."""

    def say(*command: str, **environ: str) -> str:
        variables = {"KUBECONFIG": str(plane.kubeconfig), **environ}
        given = [f"{name}={value}" for name, value in variables.items()]
        return machine.say("env", f"--chdir={ROOT}", *given, *command)

    return say


def overlay(folder: Path, resources: list[str], components: list[str], **more: Any) -> Path:
    """An overlay of parts of k8s/: the images that were built, for a node with few processors."""
    up = Path("../" * (len(folder.parts) - 1)) / str(ROOT / "k8s").lstrip("/")
    own = {part for part in components if (folder / part).is_dir()}
    cpu = "/spec/template/spec/containers/0/resources/requests/cpu"
    patch = yaml.safe_dump([{"op": "replace", "path": cpu, "value": "20m"}])
    made = {
        "resources": [str(up / part) for part in resources],
        "components": [part if part in own else str(up / part) for part in components],
        "images": [{"name": f"localhost/pagemesh/{noun}", "newTag": TAG} for noun in NOUNS],
        "patches": [{"target": {"kind": "Deployment|StatefulSet"}, "patch": patch}],
        **more,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return folder


def pods(plane: ControlPlane, workload: str) -> list[Any]:
    """A workload's pods that are not told to end."""
    label = f"--selector=app.kubernetes.io/name={workload}"
    said = plane.say("get", "pods", "--namespace=pagemesh", label, "--output=yaml")
    found = yaml.safe_load(said)["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def eventually(holds: Callable[[], Any]) -> Any:
    """What it says once that is true. Raises AssertionError when it is not in three minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (said := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return said

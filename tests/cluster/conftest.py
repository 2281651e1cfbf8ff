"""A real control plane of a current Kubernetes with istiod, and KEDA's definitions."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.control_plane import ControlPlane
from infra.istiod import Istiod
from infra.kubernetes_tools import keda_definitions
from infra.pods import Network

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).with_name("stand_ins.yaml")
Say = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))
            item.add_marker(pytest.mark.xdist_group("cluster"))
            if not os.environ.get("CLUSTER"):
                item.add_marker(pytest.mark.skip("`make test-cluster` builds a control plane"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Kubernetes alone."""
    plane = ControlPlane(tmp_path_factory.mktemp("cluster"))
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def network(bare: ControlPlane) -> Iterator[Network]:
    """Where pods meet that a test puts on this machine."""
    with Network(bare.network) as network:
        yield network


@pytest.fixture(scope="session")
def cluster(
    bare: ControlPlane, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """With what operators of a cluster install first: Istio, and others as the API sees them."""
    istiod = Istiod(bare, tmp_path_factory.mktemp("istiod"), network.address)
    istiod.install(mesh_config())
    istiod.start()
    try:
        wait_for_webhooks(bare)
        for file in [*sorted(keda_definitions().glob("*.yaml")), STAND_INS]:
            bare.say("apply", "--server-side", f"--filename={file}")
        bare.say("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
        yield bare
    finally:
        istiod.stop()


def wait_for_webhooks(plane: ControlPlane) -> None:
    """Until istiod has told the API server how its webhooks are reached, and that they must be."""
    kinds = "validatingwebhookconfigurations,mutatingwebhookconfigurations"

    def told() -> bool:
        made = yaml.safe_load(plane.say("get", kinds, "--output=yaml"))["items"]
        hooks = [hook for one in made for hook in one["webhooks"]]
        return bool(hooks) and all(
            hook["failurePolicy"] == "Fail" and "caBundle" in hook["clientConfig"] for hook in hooks
        )

    eventually(told)


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds. Raises AssertionError when it does not in three minutes."""
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture(scope="session")
def deploy(bare: ControlPlane) -> Say:
    """`python -m scripts.deploy COMMAND ...` against the cluster."""

    def say(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.deploy", *arguments]
        return subprocess.run(
            [*command, f"--kubectl={bare.kubectl}"],
            cwd=ROOT,
            env=bare.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return say


def generations(plane: ControlPlane) -> dict[str, int]:
    """How often each object's wishes were changed."""
    kinds = "deployments,statefulsets,services,networkpolicies,virtualservices,scaledobjects"
    said = plane.say("get", kinds, "--namespace=pagemesh", "--output=yaml")
    return {
        f"{made['kind']} {made['metadata']['name']}": made["metadata"].get("generation", 0)
        for made in yaml.safe_load(said)["items"]
    }


def mesh_config() -> dict[str, Any]:
    """Istio's configuration, the part that the documents ask for."""
    text = (ROOT / "docs" / "operations.md").read_text()
    shown = re.search(r"```yaml\n(meshConfig:.*?)```", text, re.DOTALL)
    assert shown
    config: dict[str, Any] = yaml.safe_load(shown[1])["meshConfig"]
    return config

"""A real control plane of a current Kubernetes with Istio's and KEDA's definitions."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from infra.control_plane import ControlPlane
from infra.kubernetes_tools import istio_definitions, keda_definitions

ROOT = Path(__file__).parents[2]
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
def cluster(bare: ControlPlane) -> ControlPlane:
    """With what operators of a cluster install first, as far as the API server sees it."""
    files = [istio_definitions(), *sorted(keda_definitions().glob("*.yaml"))]
    for file in files:
        bare.say("apply", "--server-side", f"--filename={file}")
    bare.say("apply", "--server-side", f"--filename={Path(__file__).with_name('stand_ins.yaml')}")
    bare.say("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
    return bare


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

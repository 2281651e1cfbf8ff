"""The mesh with Istio on a node: its control plane, node agent, proxies and ingress are pods.

What production has beyond it are stores and operators. Envoy and the images of Istio's programs are
those of `infra.istio_images`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from cryptography import x509

from bench.sidecar.envoy import binary
from infra.control_plane import ControlPlane
from infra.istio_images import NAMES, build_istio_images
from infra.istiod import INGRESS, install_in_pods
from infra.machine import Machine
from infra.node import Node
from orchestrator.config import MODELS
from orchestrator.testing import tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from tests.cluster.conftest import mesh_config
from tests.mesh.certificates import Authority
from tests.mesh.rollout import Load
from tests.node.conftest import ROOT, Say, eventually, overlay, pods

HOST = "api.example.org"
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

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
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
def mesh(door: Door, deploy: Say, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The overlay, deployed: two pods of each by the autoscalers' least."""
    folder = tmp_path_factory.mktemp("mesh")
    knobs = folder / "knobs"
    knobs.mkdir()
    generator = {"name": "knobs", "behavior": "merge", "literals": ["REGISTRY=localhost"]}
    made = {"kind": "Component", "apiVersion": "kustomize.config.k8s.io/v1alpha1"}
    text = yaml.safe_dump({**made, "configMapGenerator": [generator]})
    (knobs / "kustomization.yaml").write_text(text)
    overlay(folder, ["base"], ["knobs", "components/istio", "wiring"])
    done = deploy("deploy", f"--overlay={folder}")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_a_document_through_the_ingress(
    mesh: Path, door: Door, machine: Machine, plane: ControlPlane
) -> None:
    """`make deploy` with its smoke document, by TLS, from a machine that knows the host."""
    command = ["deploy", f"--overlay={mesh}", f"--kubectl={plane.kubectl}"]
    said = machine.say(
        *("env", f"--chdir={ROOT}", f"KUBECONFIG={plane.kubeconfig}"),
        f"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH={door.authorities}",
        *(sys.executable, "-m", "scripts.deploy", *command, f"--smoke=grpcs://{HOST}:443"),
    )
    assert "application_form.pdf read through" in said
    assert "3 pages" in said

"""Istio in a cluster, installed as `istioctl` says: in pods of a node, or istiod as a process.

The API holds all of Istio's own objects: istiod's Deployment, the ingress gateway, the node agent,
both webhooks. Without a node, the webhooks and the agents of pods reach a process instead of a pod.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.control_plane import ControlPlane
from infra.downloads import ServiceError
from infra.istio_images import HUB, TAG
from infra.kubernetes_tools import ISTIO_API_VERSION, istio
from infra.node import Node
from infra.service import HOST, Command, Identity, Service, free_port

NAMESPACE = "istio-system"
DISCOVERY_PORT = 15012
_LOGGED = re.compile(r"^\d{4}-\d\d-\d\dT\S+\t.*\n", re.MULTILINE)
# Filters that Envoy has in Istio's own build alone.
_PLAIN_ENVOY = {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}
# As docs/operations.md says: keys of issuers are fetched from public addresses alone.
_PRIVATE = {
    "BLOCKED_CIDRS_IN_JWKS_URIS": "10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,"
    "172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7,fe80::/10"
}

INGRESS = "deployment/istio-ingressgateway"
_VALUES = {
    "pilot": {"cni": {"enabled": True}, "env": _PRIVATE},
    "telemetry": {"enabled": False},
    "global": {"proxy": {"seccompProfile": {"type": "RuntimeDefault"}}},
}


class Istiod(Service):
    """Istio's control plane for a cluster.

    Args:
        plane: the cluster; it runs.
        folder: for the log.
        address: where agents of pods find it, beside 127.0.0.1 for the API server.
    """

    name = "istiod"

    def __init__(self, plane: ControlPlane, folder: Path, address: str = HOST) -> None:
        super().__init__(folder, free_port())
        self.address = address
        self._plane = plane

    def identity(self) -> Identity:
        return Identity("Istio's istiod", ISTIO_API_VERSION)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def install(self, mesh: Mapping[str, Any]) -> None:
        """Put all of Istio into the API. Raises ServiceError.

        Args:
            mesh: its `meshConfig`.
        """
        _apply(self._plane, _manifests(mesh, _reached_at(self.url)))

    def prepare(self) -> Command:
        addresses = {
            "httpsAddr": f"{HOST}:{self.port}",
            "secureGRPCAddr": f"{self.address}:{DISCOVERY_PORT}",
            **dict.fromkeys(("httpAddr", "grpcAddr", "monitoringAddr"), f"{HOST}:0"),
        }
        command = [
            *(str(istio() / "pilot-discovery"), "discovery"),
            f"--kubeconfig={self._plane.kubeconfig}",
            *(f"--{name}={value}" for name, value in addresses.items()),
        ]
        environ = {
            "POD_NAME": "istiod",
            "POD_NAMESPACE": NAMESPACE,
            "REVISION": "default",
            "CLUSTER_ID": "Kubernetes",
            "ISTIOD_CUSTOM_HOST": "localhost",
        }
        return Command(command, {**environ, **_PLAIN_ENVOY, **_PRIVATE})


def install_in_pods(plane: ControlPlane, mesh: Mapping[str, Any], node: Node) -> None:
    """Have Istio run on a node, from the images of `infra.istio_images`. Raises ServiceError.

    Args:
        plane: the cluster.
        mesh: Istio's `meshConfig`.
        node: the cluster's; it has the images.
    """
    little = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}
    values = {
        "global": {"hub": HUB, "tag": TAG, "proxy": little},
        "pilot": {**little, "env": _PLAIN_ENVOY},
        "cni": {**little, "cniBinDir": str(node.plugins), "cniConfDir": str(node.networks)},
        "gateways": {"istio-ingressgateway": little},
    }
    _apply(plane, _manifests(mesh, values))
    for workload in ("deployment/istiod", "daemonset/istio-cni-node", INGRESS):
        plane.say("rollout", "status", workload, f"--namespace={NAMESPACE}", "--timeout=300s")


def _apply(plane: ControlPlane, objects: Sequence[dict[str, Any]]) -> None:
    for made in objects:
        if made["kind"] == "ValidatingWebhookConfiguration":
            _validate_all(made)
        plane.say("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump(made))


def analyze(files: Sequence[Path], mesh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `istioctl analyze` finds in files of objects, of all namespaces. Raises ServiceError."""
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "mesh.yaml"
        config.write_text(yaml.safe_dump(mesh))
        said = _istioctl(
            *("analyze", "--use-kube=false", "--all-namespaces", "--output=json"),
            *("--failure-threshold=Info", "--output-threshold=Info"),
            f"--meshConfigFile={config}",
            *map(str, files),
        )
    if "error processing" in said:
        raise ServiceError(said)
    # Its log comes first, on the same way.
    found: list[dict[str, Any]] = json.loads(_LOGGED.sub("", said))
    return found


def installation(mesh: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects of Istio, its definitions and the ingress gateway, in order of application."""
    return _manifests(mesh, _reached_at("https://localhost"))


def _reached_at(url: str) -> dict[str, Any]:
    """Values by which the API server calls istiod's webhooks at a URL."""
    return {
        "base": {"validationURL": f"{url}/validate"},
        "istiodRemote": {"injectionURL": f"{url}/inject"},
    }


def _manifests(mesh: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    wanted = {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "spec": {
            "meshConfig": dict(mesh),
            "components": {"cni": {"enabled": True}},
            "values": _merged(_VALUES, values),
        },
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(wanted, file)
        file.flush()
        said = _istioctl("manifest", "generate", f"--filename={file.name}")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    made = yaml.load_all(_LOGGED.sub("", said), yaml.CSafeLoader)
    return [space, *(one for one in made if one)]


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both; the other where they differ."""
    made = dict(one)
    for key, value in other.items():
        deeper = isinstance(value, Mapping) and isinstance(made.get(key), Mapping)
        made[key] = _merged(made[key], value) if deeper else value
    return made


def _validate_all(made: dict[str, Any]) -> None:
    """Have objects seen that name no revision, too: what `istioctl install` adds at its end."""
    unnamed = {"key": "istio.io/rev", "operator": "DoesNotExist"}
    (hook,) = made["webhooks"]
    selector = {"matchExpressions": [unnamed]}
    made["webhooks"].append({**hook, "name": "validation.istio.io", "objectSelector": selector})


def _istioctl(*arguments: str) -> str:
    """What istioctl answers. Raises ServiceError with what it complains of."""
    command = [str(istio() / "istioctl"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "Analyzers found issues" not in done.stderr:
        raise ServiceError(done.stdout + done.stderr)
    return done.stdout

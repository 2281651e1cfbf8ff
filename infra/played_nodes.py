"""Plays a cluster's node: pods that are scheduled become ready, and end when they are told to.

Nothing runs in them. All else about a pod is Kubernetes' own: admission, scheduling, rollouts. Each
has an address of its own, by which a test may put a real pod there (`infra.pods`).
"""

import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path
from typing import Any

from infra.kubernetes_tools import KUBERNETES_VERSION

NODE = "played"
_PAUSE_SECONDS = 0.5
# What a node must tell of itself; Istio looks whether its version has native sidecars.
_INFO = (
    *("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "architecture"),
    *("containerRuntimeVersion", "kubeProxyVersion", "operatingSystem"),
)
_MERGE = "application/strategic-merge-patch+json"


class PlayedNodes:
    """A thread that does what a kubelet would tell of pods.

    Args:
        kubeconfig: JSON, with one user who has a token.
        network: where pods' addresses are; its first is nobody's.
    """

    def __init__(self, kubeconfig: Path, network: IPv4Network) -> None:
        told = json.loads(kubeconfig.read_text())
        self._server = told["clusters"][0]["cluster"]["server"]
        self._token = told["users"][0]["user"]["token"]
        self._trust = ssl._create_unverified_context()  # noqa: S323 - on loopback
        self._addresses = islice(network.hosts(), 1, None)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def start(self) -> None:
        """Make the node, and play until `stop`."""
        self._make_node()
        self._thread.start()

    def stop(self) -> None:
        """Safe to call twice."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _make_node(self) -> None:
        room = {"cpu": "256", "memory": "1Ti", "pods": "500", "ephemeral-storage": "1Ti"}
        labels = {"kubernetes.io/hostname": NODE, "topology.kubernetes.io/zone": "a"}
        ready = {"type": "Ready", "status": "True", "reason": "Played"}
        info = dict.fromkeys(_INFO, "") | {"kubeletVersion": f"v{KUBERNETES_VERSION}"}
        status = {"allocatable": room, "capacity": room, "conditions": [ready], "nodeInfo": info}
        meta = {"name": NODE, "labels": labels}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status}
        self._call("POST", "/api/v1/nodes", node)
        # New nodes are shut until a controller has seen them, which this one is spared.
        self._call("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}})

    def _play(self) -> None:
        while not self._end.wait(_PAUSE_SECONDS):
            try:
                for pod in self._call("GET", "/api/v1/pods")["items"]:
                    self._tell(pod)
            except (urllib.error.URLError, ConnectionError):
                continue  # a pod that is gone, or a server that is busy: the next round sees

    def _tell(self, pod: Any) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if "nodeName" not in pod["spec"]:
            return
        if "deletionTimestamp" in meta:
            self._call("DELETE", path, {"gracePeriodSeconds": 0})
        elif pod["status"].get("phase") == "Pending":
            self._call(
                "PATCH", f"{path}/status", {"status": _running(pod, str(next(self._addresses)))}
            )

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - https, of this machine
            self._server + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": _MERGE if method == "PATCH" else "application/json",
            },
        )
        with urllib.request.urlopen(request, context=self._trust) as answer:  # noqa: S310 - http, of this machine
            return json.load(answer)


def _running(pod: Any, address: str) -> Any:
    conditions = ("Initialized", "ContainersReady", "Ready")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now} for kind in conditions
        ],
        "containerStatuses": list(_ready(pod["spec"]["containers"])),
        "initContainerStatuses": list(_ready(pod["spec"].get("initContainers", []))),
    }


def _ready(containers: Any) -> Iterator[Any]:
    for one in containers:
        yield {
            "name": one["name"],
            "image": one["image"],
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "started": True,
            "state": {"running": {}},
        }

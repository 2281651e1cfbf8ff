"""A cluster's node: kubelet, containerd with runc, kube-proxy, names and NetworkPolicies, all real.

It is a `Machine` of its own. Kubelet and kube-proxy are of the control plane's version; containerd,
runc and the plugins of its network are Debian's; CoreDNS is a pod, kube-router a process. Images
come from podman's store, as there is no registry; what holds a pod's namespaces is catatonit, as
podman has it.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from string import Template
from typing import Any

import yaml

from infra.containers import bare_image, build_folder, podman_says
from infra.control_plane import ControlPlane
from infra.downloads import ServiceError, program
from infra.kubernetes_tools import (
    COREDNS_VERSION,
    KUBE_ROUTER_VERSION,
    KUBERNETES_VERSION,
    control_plane,
    coredns_binary,
    kube_router_binary,
)
from infra.machine import Machine, Part

PAUSE = "localhost/pagemesh/pause:1"
COREDNS = f"localhost/coredns/coredns:{COREDNS_VERSION}"
_SOCKET = "/run/containerd/containerd.sock"
_DOMAIN = "cluster.local"
# Of the whole kernel, this machine's, too: what the kubelet sets to its liking.
_SETTINGS = tuple(
    Path("/proc/sys") / name
    for name in (
        *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
        *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
    )
)
_PLUGINS = Path("/usr/lib/cni")
_KUBELET_PORT, _PROXY_PORT, _ROUTER_PORT = 10250, 10256, 20244
_NAMES = Path(__file__).parent / "kubernetes" / "coredns.yaml"


class Node:
    """A node of a cluster whose API server its machine reaches.

    Args:
        plane: the cluster; it runs.
        machine: where the node is; it runs.
        folder: for its data and its logs.

    Attributes:
        name: the machine's.
        plugins: the folder of programs that join pods to their network.
        networks: the folder that says which of them are called.
    """

    def __init__(self, plane: ControlPlane, machine: Machine, folder: Path) -> None:
        self.name = machine.name
        self.folder = folder
        self.plugins, self.networks = folder / "plugins", folder / "networks"
        self._plane = plane
        self._machine = machine
        self._parts: list[Part] = []
        self._settings = {path: path.read_text() for path in _SETTINGS}

    def start(self, images: Sequence[str]) -> None:
        """Start everything and wait until the node is ready.

        Args:
            images: of podman's store, which it shall have.

        Raises:
            ServiceError: a part does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not _PLUGINS.is_dir():
            raise ServiceError("apt-get install containernetworking-plugins")
        self._machine.route(self._plane.network)
        self._machine.route(self._plane.services)
        self._write()
        self._start("containerd", "Debian's", f"--config={self.folder / 'containerd.toml'}")
        self._wait_for_containerd()
        self.take(images)
        self._start_kubelet()
        self._start_proxy()
        self._start_router()
        self._plane.wait("wait", f"node/{self.name}", "--for=condition=Ready", "--timeout=5s")
        self._name_services()

    def stop(self) -> None:
        """End its machine, with all pods and images. The kernel's settings are as they were."""
        self._machine.stop()
        shutil.rmtree(self.folder / "containerd", ignore_errors=True)
        for path, text in self._settings.items():
            path.write_text(text)
        while self._parts:
            self._parts.pop().stop()

    def take(self, images: Sequence[str]) -> None:
        """Have images of podman's store. Raises ServiceError."""
        make_own_images()
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            archive = Path(scratch) / "images.tar"
            save = ("save", "--quiet", "--multi-image-archive", f"--output={archive}")
            said = podman_says(*save, PAUSE, COREDNS, *images)
            if not archive.exists():
                raise ServiceError(said)
            self.ctr("images", "import", str(archive))

    def volumes(self, number: int) -> list[dict[str, Any]]:
        """Objects by which claims find volumes: folders of the node, a class that takes them."""
        default = {"storageclass.kubernetes.io/is-default-class": "true"}
        storage = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "local", "annotations": default},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        return [storage, *(self._volume(f"local-{index}") for index in range(number))]

    def _volume(self, name: str) -> dict[str, Any]:
        path = self.folder / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [self.name]}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "storageClassName": "local",
                "capacity": {"storage": "100Gi"},
                "accessModes": ["ReadWriteOnce"],
                "local": {"path": str(path)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            },
        }

    def process(self, container: str) -> int:
        """The process of a container, by its number on the node. Raises ServiceError."""
        lines = [line.split() for line in self.ctr("tasks", "list").splitlines()]
        found = [int(line[1]) for line in lines if line[0] == container]
        if not found:
            raise ServiceError(f"no container {container} runs")
        return found[0]

    def signal(self, process: int, name: str) -> None:
        """Send a process of the node a signal. Raises ServiceError."""
        self._machine.say("kill", f"-{name}", str(process))

    def ctr(self, *arguments: str) -> str:
        """What containerd's own client answers. Raises ServiceError."""
        return self._machine.say("ctr", f"--address={_SOCKET}", "--namespace=k8s.io", *arguments)

    def _start(self, name: str, version: str, *arguments: str, port: int = 0) -> None:
        binary = name if name == "containerd" else str(control_plane() / name)
        part = Part(self._machine, name, version, self.folder, [binary, *arguments], port=port)
        self._parts.append(part)
        part.start()

    def _wait_for_containerd(self) -> None:
        self._machine.say(
            *("timeout", "60", "bash", "-c"),
            f"until ctr --address={_SOCKET} version; do sleep 0.1; done",
        )

    def _start_kubelet(self) -> None:
        self._start(
            *("kubelet", KUBERNETES_VERSION, f"--config={self.folder / 'kubelet.yaml'}"),
            *(f"--kubeconfig={self._plane.kubeconfig}", f"--root-dir={self.folder / 'kubelet'}"),
            *(f"--hostname-override={self.name}", f"--node-ip={self._machine.address}"),
            *(
                f"--cert-dir={self.folder / 'certificates'}",
                "--node-labels=topology.kubernetes.io/zone=a",
            ),
            port=_KUBELET_PORT,
        )

    def _start_proxy(self) -> None:
        self._start(
            *("kube-proxy", KUBERNETES_VERSION, f"--kubeconfig={self._plane.kubeconfig}"),
            *("--proxy-mode=iptables", f"--cluster-cidr={self._plane.network}"),
            *(f"--hostname-override={self.name}", "--conntrack-max-per-core=0"),
            *("--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0"),
            f"--healthz-bind-address={self._machine.address}:{_PROXY_PORT}",
            port=_PROXY_PORT,
        )

    def _start_router(self) -> None:
        """It enforces NetworkPolicies, and does nothing else."""
        command = [
            *(str(kube_router_binary()), f"--kubeconfig={self._plane.kubeconfig}"),
            *("--run-firewall", "--run-router=false", "--run-service-proxy=false"),
            *("--enable-cni=false", f"--hostname-override={self.name}"),
            *(
                f"--service-cluster-ip-range={self._plane.services}",
                f"--health-port={_ROUTER_PORT}",
            ),
        ]
        part = Part(
            *(self._machine, "kube-router", KUBE_ROUTER_VERSION, self.folder, command),
            port=_ROUTER_PORT,
        )
        self._parts.append(part)
        part.start()

    def _name_services(self) -> None:
        values = {"ADDRESS": self._names, "IMAGE": COREDNS}
        made = Template(_NAMES.read_text()).substitute(values)
        self._plane.say("apply", "--filename=-", stdin=made)
        where = "--namespace=kube-system"
        self._plane.say("rollout", "status", "deployment/coredns", where, "--timeout=120s")

    @property
    def _names(self) -> str:
        """The address that pods ask for names."""
        return str(self._plane.services[10])

    def _write(self) -> None:
        """What its programs read."""
        shutil.copytree(_PLUGINS, self.plugins)
        self.networks.mkdir()
        bridge = json.dumps(_bridge(self._plane.network))
        (self.networks / "10-bridge.conflist").write_text(bridge)
        (self.folder / "containerd.toml").write_text(self._containerd())
        (self.folder / "kubelet.yaml").write_text(yaml.safe_dump(self._kubelet()))
        (self.folder / "resolv.conf").write_text(f"nameserver {self._machine.outside}\n")

    def _containerd(self) -> str:
        return f"""version = 2
root = "{self.folder / "containerd"}"
state = "/run/containerd"
[grpc]
  address = "{_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  # Without CAP_SYS_RESOURCE no process may be spared more than its parent.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{self.plugins}"
    conf_dir = "{self.networks}"
"""

    def _kubelet(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self._machine.address,
            "port": _KUBELET_PORT,
            # Only this machine reaches it.
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": f"unix://{_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self._machine.group,
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [self._names],
            "clusterDomain": _DOMAIN,
            "resolvConf": str(self.folder / "resolv.conf"),
            # This machine's disk may be as full as it likes.
            "evictionHard": {"memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100,
            "healthzPort": 0,
            "readOnlyPort": 0,
        }


def make_own_images() -> None:
    """Have podman's store have `PAUSE` and `COREDNS`. Raises ServiceError."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copy2(program("catatonit", "catatonit"), folder / "pause")
        shutil.copy2(coredns_binary(), folder / "coredns")
        for name, recipe in (
            (PAUSE, 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause", "-P"]\n'),
            (COREDNS, f'FROM {bare_image()}\nCOPY coredns /coredns\nENTRYPOINT ["/coredns"]\n'),
        ):
            (folder / "Dockerfile").write_text(recipe)
            build_folder(name, folder)


def _bridge(network: IPv4Network) -> dict[str, Any]:
    """Pods' network: a bridge of the machine; pods are seen outside by their own addresses."""
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": str(network)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni-addresses",
                },
            },
        ],
    }

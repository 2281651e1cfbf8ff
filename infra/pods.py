"""Pods as network namespaces of this machine: an address, Istio's rules, its agent and an Envoy.

A pod must be in the API already, with what Istio's webhook put into it: the agent is started from
its container `istio-proxy`. Needs root, `ip` and `iptables`.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from infra.control_plane import ControlPlane
from infra.downloads import ServiceError
from infra.kubernetes_tools import istio, istio_bootstrap

# Istio's own user, whose calls are not sent to the proxy again. Here it is the group alone.
_ISTIO = "1337"
_STATUS = "15021"
# What `ip netns exec` puts over /etc.
_OWN_FILES = Path("/etc/netns")


class Network:
    """A bridge to which pods are joined.

    Attributes:
        address: the machine's own there.
    """

    def __init__(self, network: IPv4Network) -> None:
        self.address = str(next(network.hosts()))
        self.bridge = f"pm{int(network.network_address):x}"[:12]
        self._length = network.prefixlen

    def __enter__(self) -> "Network":
        say("ip", "link", "add", self.bridge, "type", "bridge")
        say("ip", "address", "add", f"{self.address}/{self._length}", "dev", self.bridge)
        say("ip", "link", "set", self.bridge, "up")
        return self

    def __exit__(self, *_: object) -> None:
        say("ip", "link", "delete", self.bridge)


class RealPod:
    """A pod of the API, put on this machine.

    Attributes:
        name: its own.
        address: its own, as the API says.
    """

    def __init__(
        self, plane: ControlPlane, network: Network, name: str, *, envoy: Path, folder: Path
    ) -> None:
        said = plane.say("get", "pod", name, "--namespace=pagemesh", "--output=json")
        self._made: Any = json.loads(said)
        self.name = name
        self.address = str(self._made["status"]["podIP"])
        self._plane = plane
        self._network = network
        self._envoy = envoy
        self._folder = folder / name
        self._space = f"{network.bridge}-{self.address.rpartition('.')[2]}"
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Join the network, set Istio's rules, start the agent. Raises ServiceError."""
        self._join()
        self._capture()
        self._mount()
        environ = {**os.environ, **self._environment()}
        self.run([str(istio() / "pilot-agent"), *self._arguments()], "agent", environ, group=_ISTIO)

    def is_ready(self) -> bool:
        """Whether its proxy has its configuration."""
        try:
            with urllib.request.urlopen(
                f"http://{self.address}:{_STATUS}/healthz/ready", timeout=5
            ):
                return True
        except OSError:
            return False

    def run(
        self,
        command: Sequence[str],
        log: str,
        environ: Mapping[str, str] | None = None,
        *,
        group: str = "0",
        folder: Path | None = None,
    ) -> None:
        """Start a process in the pod, until `stop`."""
        with (self._folder / f"{log}.log").open("wb") as said:
            self._running.append(
                subprocess.Popen(
                    [*self._inside(group), *command],
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    env=environ,
                    cwd=folder or self._folder,
                )
            )

    def says(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """What a command in the pod answers."""
        whole = [*self._inside("0"), *command]
        return subprocess.run(whole, capture_output=True, text=True, check=False, cwd=folder)

    def stop(self) -> None:
        """End all of it. Safe to call twice."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        with suppress(ServiceError):
            say("ip", "netns", "delete", self._space)
        shutil.rmtree(_OWN_FILES / self._space, ignore_errors=True)

    def _inside(self, group: str) -> list[str]:
        entered = ["ip", "netns", "exec", self._space]
        return [*entered, "setpriv", f"--regid={group}", "--clear-groups"]

    def _join(self) -> None:
        link = f"{self._network.bridge[-8:]}v{self.address.rpartition('.')[2]}"
        inside = ["ip", "-netns", self._space]
        say("ip", "netns", "add", self._space)
        say("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self._space)
        say("ip", "link", "set", link, "master", self._network.bridge, "up")
        say(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        say(*inside, "link", "set", "lo", "up")
        say(*inside, "link", "set", "eth0", "up")
        say(*inside, "route", "add", "default", "via", self._network.address)

    def _capture(self) -> None:
        """What Istio's node agent does: all calls from and to the pod pass its proxy."""
        ports = ["-p", "15001", "-z", "15006", "-b", "*", "-d", "15090,15021,15020", "-i", "*"]
        who = ["-u", _ISTIO, "-g", _ISTIO, "-m", "REDIRECT", "-x", "", "--log_output_level=warn"]
        done = self.says(str(istio() / "pilot-agent"), "istio-iptables", *ports, *who)
        if done.returncode:
            raise ServiceError(done.stdout + done.stderr)

    def _mount(self) -> None:
        """What the pod's volumes have, where the agent looks: below its working folder."""
        secrets = self._folder / "var" / "run" / "secrets"
        root = self._plane.say(
            *("get", "configmap", "istio-ca-root-cert", "--namespace=pagemesh"),
            "--output=jsonpath={.data.root-cert\\.pem}",
        )
        account = self._made["spec"]["serviceAccountName"]
        token = self._plane.say(
            *("create", "token", account, "--namespace=pagemesh", "--audience=istio-ca"),
            *("--bound-object-kind=Pod", f"--bound-object-name={self.name}"),
        )
        labels = self._made["metadata"]["labels"].items()
        for path, text in (
            (secrets / "istio" / "root-cert.pem", root),
            (secrets / "tokens" / "istio-token", token.strip()),
            (self._folder / "etc/istio/pod/labels", "".join(f'{k}="{v}"\n' for k, v in labels)),
            (_OWN_FILES / self._space / "hosts", self._hosts()),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _hosts(self) -> str:
        return f"127.0.0.1 localhost\n{self._network.address} istiod.istio-system.svc\n"

    def _container(self) -> Any:
        spec = self._made["spec"]
        both = [*spec.get("initContainers", []), *spec["containers"]]
        found = [one for one in both if one["name"] == "istio-proxy"]
        if not found:
            raise ServiceError(f"Istio's webhook put no proxy into pod {self.name}")
        return found[0]

    def _arguments(self) -> list[str]:
        values = self._environment()
        said = self._container()["args"]
        return [one.replace("$(POD_NAMESPACE)", values["POD_NAMESPACE"]) for one in said]

    def _environment(self) -> dict[str, str]:
        """The container's own variables, and where programs are on this machine."""
        fields = {
            "metadata.name": self.name,
            "metadata.namespace": self._made["metadata"]["namespace"],
            "status.podIP": self.address,
            "status.hostIP": self._network.address,
            "spec.serviceAccountName": self._made["spec"]["serviceAccountName"],
            "spec.nodeName": self._made["spec"]["nodeName"],
        }
        values = {
            one["name"]: fields[one["valueFrom"]["fieldRef"]["fieldPath"]]
            if "valueFrom" in one
            else one["value"]
            for one in self._container()["env"]
            if "value" in one or "fieldRef" in one["valueFrom"]
        }
        config = json.loads(values.get("PROXY_CONFIG") or "{}")
        config |= {"binaryPath": str(self._envoy), "concurrency": 1}
        values["PROXY_CONFIG"] = json.dumps(config)
        values["ISTIO_BOOTSTRAP"] = str(istio_bootstrap())
        return values


def say(*command: str) -> None:
    """Run a command. Raises ServiceError with what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(f"{' '.join(command)}: {done.stderr}")

"""A cluster's control plane on 127.0.0.1: etcd, API server, controllers and scheduler, all real.

Its node is played (`infra.played_nodes`): pods are scheduled, become ready and end; nothing runs
in them.
"""

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

from infra.downloads import ServiceError, program
from infra.kubernetes_tools import KUBERNETES_VERSION, control_plane
from infra.played_nodes import NODE, PlayedNodes
from infra.service import HOST, Command, Identity, Service, free_port

_READY_SECONDS = 120.0


class _Part(Service):
    """One process of the control plane."""

    def __init__(self, name: str, folder: Path, port: int, command: list[str]) -> None:
        super().__init__(folder, port)
        self.name = name
        self._command = command

    def identity(self) -> Identity:
        return Identity(f"Kubernetes' {self.name}", KUBERNETES_VERSION)

    def prepare(self) -> Command:
        return Command(self._command, {})

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


class ControlPlane:
    """A control plane in a folder.

    Attributes:
        folder: its data, its logs, and its kubeconfig.
        kubeconfig: for a user who may do everything.
        kubectl: the program of the same version.
        network: where addresses of pods are, of 256 blocks that planes share by chance.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._binaries = control_plane()
        self.kubectl = self._binaries / "kubectl"
        self.network = IPv4Network(f"10.244.{secrets.randbelow(256)}.0/24")
        self._running: list[Service] = []
        self._nodes: PlayedNodes | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """For programs that shall talk to it."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def start(self) -> None:
        """Start everything and wait until a node is ready. Raises ServiceError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {name: free_port() for name in ("etcd", "peer", "api", "controllers", "scheduler")}
        self._write_secrets(ports["api"])
        for part in self._parts(ports):
            self._running.append(part)
            part.start()
            if part.name == "kube-apiserver":
                self._wait("get", "--raw", "/readyz")
        self._nodes = PlayedNodes(self.kubeconfig, self.network)
        self._nodes.start()
        self._wait("wait", f"node/{NODE}", "--for=condition=Ready", "--timeout=5s")

    def stop(self) -> None:
        """End everything, the last first."""
        if self._nodes is not None:
            self._nodes.stop()
        while self._running:
            self._running.pop().stop()

    def say(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl answers. Raises ServiceError with what it complains of."""
        done = subprocess.run(
            [str(self.kubectl), *arguments],
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(done.stderr.strip())
        return done.stdout

    def _write_secrets(self, port: int) -> None:
        token = secrets.token_hex(16)
        (self.folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        key = str(self.folder / "accounts.key")
        subprocess.run(
            [program("openssl", "openssl"), "genrsa", "-out", key, "2048"],
            check=True,
            capture_output=True,
        )
        named = {"name": "test"}
        cluster = {"server": f"https://{HOST}:{port}", "insecure-skip-tls-verify": True}
        made = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{**named, "cluster": cluster}],
            "users": [{**named, "user": {"token": token}}],
            "contexts": [{**named, "context": {"cluster": "test", "user": "test"}}],
        }
        self.kubeconfig.write_text(json.dumps(made))

    def _parts(self, ports: Mapping[str, int]) -> list[Service]:
        def part(name: str, port: int, *arguments: str) -> Service:
            return _Part(name, self.folder, port, [str(self._binaries / name), *arguments])

        etcd, peer = (f"http://{HOST}:{ports[name]}" for name in ("etcd", "peer"))
        key, config = self.folder / "accounts.key", f"--kubeconfig={self.kubeconfig}"
        return [
            part(
                *("etcd", ports["etcd"], f"--data-dir={self.folder / 'etcd'}"),
                *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
                *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
                *(f"--initial-cluster=default={peer}", "--unsafe-no-fsync"),
            ),
            part(
                *("kube-apiserver", ports["api"], f"--etcd-servers={etcd}"),
                *(f"--bind-address={HOST}", f"--secure-port={ports['api']}"),
                *(f"--cert-dir={self.folder / 'certificates'}", "--authorization-mode=RBAC"),
                *(f"--token-auth-file={self.folder / 'tokens.csv'}",),
                *("--service-cluster-ip-range=10.96.0.0/16", f"--advertise-address={HOST}"),
                *("--service-account-issuer=https://kubernetes.default.svc",),
                *(f"--service-account-signing-key-file={key}", f"--service-account-key-file={key}"),
                "--endpoint-reconciler-type=none",
            ),
            part(
                *("kube-controller-manager", ports["controllers"], config),
                *(f"--bind-address={HOST}", f"--secure-port={ports['controllers']}"),
                *(f"--service-account-private-key-file={key}", "--leader-elect=false"),
                # It would miss the heartbeats of a node that is played.
                "--controllers=*,-node-lifecycle-controller",
                f"--cert-dir={self.folder / 'controllers'}",
            ),
            part(
                *("kube-scheduler", ports["scheduler"], config, "--leader-elect=false"),
                *(f"--bind-address={HOST}", f"--secure-port={ports['scheduler']}"),
                f"--cert-dir={self.folder / 'scheduler'}",
            ),
        ]

    def _wait(self, *arguments: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with contextlib.suppress(ServiceError):
                self.say(*arguments)
                return
            if time.monotonic() > deadline:
                raise ServiceError(f"kubectl {' '.join(arguments)} still fails; see {self.folder}")
            time.sleep(0.5)

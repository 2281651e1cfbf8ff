"""A cluster's control plane as processes: etcd, API server, controllers and scheduler, all real.

Its node is a real one (`infra.node`), or is played (`infra.played_nodes`): then pods are scheduled,
become ready and end, and nothing runs in them.
"""

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from infra.downloads import ServiceError, program
from infra.kubernetes_tools import KUBERNETES_VERSION, control_plane
from infra.played_nodes import NODE, PlayedNodes
from infra.service import HOST, Command, Identity, Service, free_port, is_taken

_READY_SECONDS = 120.0


class _Part(Service):
    """One process of the control plane."""

    def __init__(
        self, name: str, folder: Path, port: int, command: list[str], host: str = HOST
    ) -> None:
        super().__init__(folder, port)
        self.name = name
        self._command = command
        self._host = host

    def identity(self) -> Identity:
        return Identity(f"Kubernetes' {self.name}", KUBERNETES_VERSION)

    def prepare(self) -> Command:
        return Command(self._command, {})

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self.port}"

    def is_answering(self) -> bool:
        return is_taken(self.port, self._host)


class ControlPlane:
    """A control plane in a folder.

    Args:
        folder: its data, its logs, and its kubeconfig.
        address: of this machine, where the API server listens: 127.0.0.1, or where nodes reach it.
        played: whether its node is; without, a node has to come by itself.

    Attributes:
        folder: its data, its logs, and its kubeconfig.
        kubeconfig: for a user who may do everything.
        kubectl: the program of the same version.
        network: where addresses of pods are, of 256 blocks that planes share by chance.
        services: where virtual addresses of services are, likewise.
    """

    def __init__(self, folder: Path, address: str = HOST, *, played: bool = True) -> None:
        self.folder = folder
        self.address = address
        self.kubeconfig = folder / "kubeconfig"
        self._binaries = control_plane()
        self.kubectl = self._binaries / "kubectl"
        block = secrets.randbelow(256)
        self.network = IPv4Network(f"10.244.{block}.0/24")
        self.services = IPv4Network(f"10.96.{block}.0/24")
        self._running: list[Service] = []
        self._played = played
        self._nodes: PlayedNodes | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """For programs that shall talk to it."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def start(self) -> None:
        """Start everything; wait until a played node is ready. Raises ServiceError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {name: free_port() for name in ("etcd", "peer", "api", "controllers", "scheduler")}
        self._write_secrets(ports["api"])
        for part in self._parts(ports):
            self._running.append(part)
            part.start()
            if part.name == "kube-apiserver":
                self.wait("get", "--raw", "/readyz")
        if self._played:
            self._nodes = PlayedNodes(self.kubeconfig, self.network)
            self._nodes.start()
            self.wait("wait", f"node/{NODE}", "--for=condition=Ready", "--timeout=5s")

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

    @contextlib.contextmanager
    def talk(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """kubectl beside the caller, who may write to it and read what it says."""
        with subprocess.Popen(
            [str(self.kubectl), *arguments],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

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
        cluster = {"server": f"https://{self.address}:{port}", "insecure-skip-tls-verify": True}
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
            host = self.address if name == "kube-apiserver" else HOST
            return _Part(name, self.folder, port, [str(self._binaries / name), *arguments], host)

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
                *(f"--bind-address={self.address}", f"--secure-port={ports['api']}"),
                *(f"--cert-dir={self.folder / 'certificates'}", "--authorization-mode=RBAC"),
                *(f"--token-auth-file={self.folder / 'tokens.csv'}",),
                *(
                    f"--service-cluster-ip-range={self.services}",
                    f"--advertise-address={self.address}",
                ),
                "--kubelet-preferred-address-types=InternalIP",
                *("--service-account-issuer=https://kubernetes.default.svc",),
                *(f"--service-account-signing-key-file={key}", f"--service-account-key-file={key}"),
                *(["--endpoint-reconciler-type=none"] if self._played else []),
            ),
            part(
                *("kube-controller-manager", ports["controllers"], config),
                *(f"--bind-address={HOST}", f"--secure-port={ports['controllers']}"),
                *(f"--service-account-private-key-file={key}", "--leader-elect=false"),
                # It would miss the heartbeats of a node that is played.
                *(["--controllers=*,-node-lifecycle-controller"] if self._played else []),
                f"--cert-dir={self.folder / 'controllers'}",
                # By its own authority pods know the API server.
                f"--root-ca-file={self.folder / 'certificates' / 'apiserver.crt'}",
            ),
            part(
                *("kube-scheduler", ports["scheduler"], config, "--leader-elect=false"),
                *(f"--bind-address={HOST}", f"--secure-port={ports['scheduler']}"),
                f"--cert-dir={self.folder / 'scheduler'}",
            ),
        ]

    def wait(self, *arguments: str) -> None:
        """Ask kubectl until it does not complain. Raises ServiceError."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            with contextlib.suppress(ServiceError):
                self.say(*arguments)
                return
            if time.monotonic() > deadline:
                raise ServiceError(f"kubectl {' '.join(arguments)} still fails; see {self.folder}")
            time.sleep(0.5)

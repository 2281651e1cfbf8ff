"""Kustomize, Kubernetes' control plane, Istio, and what Istio and KEDA add to the API: by Go, once.

Kustomize is built in two minutes. The control plane (etcd, API server, controllers, scheduler and
kubectl in one program) takes half an hour on two cores, Istio (istiod, its agent and istioctl in
one program) a quarter: `has_control_plane` and `has_istio` tell whether they are there.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.downloads import ServiceError, cached, go, has_cached, run

KUSTOMIZE_VERSION = "5.8.2"
KUBERNETES_VERSION = "1.37.2"
COREDNS_VERSION = "1.15.0"
KUBE_ROUTER_VERSION = "2.1.0"
ISTIO_API_VERSION = "1.32.0"
KEDA_VERSION = "2.20.2"
CONTROL_PLANE = Path(__file__).parent / "kubernetes"
ISTIO = Path(__file__).parent / "istio"
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE_PARTS = ("kubelet", "kube-proxy")
ISTIO_PARTS = ("istioctl", "pilot-discovery", "pilot-agent", "install-cni")
_ISTIO_MODULE = "istio.io/istio"
_OLDEST_GO = (1, 26)
# A build from a module knows no version by itself.
_VERSION_FLAGS = " ".join(
    f"-X k8s.io/{package}.{name}={value}"
    for package in ("component-base/version", "client-go/pkg/version")
    for name, value in (
        ("gitVersion", f"v{KUBERNETES_VERSION}"),
        ("gitMajor", KUBERNETES_VERSION.split(".", maxsplit=1)[0]),
        ("gitMinor", KUBERNETES_VERSION.split(".")[1]),
    )
)
_LONGEST_BUILD = 3 * 3600.0


def kustomize_binary() -> Path:
    """The path of kustomize, built here. Raises ServiceError."""

    return _installed("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", KUSTOMIZE_VERSION)


def coredns_binary() -> Path:
    """The path of CoreDNS, which answers for names of services, built here. Raises ServiceError."""
    return _installed("coredns", "github.com/coredns/coredns", COREDNS_VERSION)


def kube_router_binary() -> Path:
    """The path of kube-router, which enforces NetworkPolicies, built here. Raises ServiceError."""
    package = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
    return _installed("kube-router", package, KUBE_ROUTER_VERSION)


def control_plane() -> Path:
    """The folder of `PARTS`, built here. Raises ServiceError."""

    def build(folder: Path) -> None:
        _build(CONTROL_PLANE, folder, (*PARTS, *NODE_PARTS), _VERSION_FLAGS)

    return cached(_control_plane_name(), build)


def has_control_plane() -> bool:
    """Whether the control plane is built."""
    return has_cached(_control_plane_name())


def istio() -> Path:
    """The folder of `ISTIO_PARTS`, built here. Raises ServiceError."""

    def build(folder: Path) -> None:
        version = f"-X istio.io/istio/pkg/version.buildVersion={ISTIO_API_VERSION}"
        _build(ISTIO, folder, ISTIO_PARTS, version)
        # By itself: nothing else may write where it answers.
        _compile(ISTIO, folder / "istio-cni", f"{_ISTIO_MODULE}/cni/cmd/istio-cni", version)

    return cached(_istio_name(), build)


def has_istio() -> bool:
    """Whether Istio is built."""
    return has_cached(_istio_name())


def istio_commit() -> str:
    """Of Istio's own repository, as Go names it: its module has no versions."""
    (found,) = re.findall(rf"\t{_ISTIO_MODULE} (\S+)", (ISTIO / "go.mod").read_text())
    return str(found)


def istio_bootstrap() -> Path:
    """The template of what Istio's agent starts Envoy with. Raises ServiceError."""
    folder = _module(f"{_ISTIO_MODULE}@{istio_commit()}")
    return folder / "tools" / "packaging" / "common" / "envoy_bootstrap.json"


def istio_definitions() -> Path:
    """The file of Istio's CustomResourceDefinitions. Raises ServiceError."""
    module = _module(f"istio.io/api@v{ISTIO_API_VERSION}")
    return module / "kubernetes" / "customresourcedefinitions.gen.yaml"


def keda_definitions() -> Path:
    """The folder of KEDA's CustomResourceDefinitions. Raises ServiceError."""
    return _module(f"github.com/kedacore/keda/v2@v{KEDA_VERSION}") / "config" / "crd" / "bases"


def _installed(name: str, package: str, version: str) -> Path:
    """The path of a program that `go install` makes."""

    def build(folder: Path) -> None:
        command = [go(_OLDEST_GO), "install", f"{package}@v{version}"]
        run(command, folder, {"GOBIN": str(folder)}, seconds=_LONGEST_BUILD)

    return cached(f"{name}-{version}", build) / name


def _build(source: Path, folder: Path, parts: Sequence[str], linker: str) -> None:
    """One program, with a link for each name that it is called by."""
    _compile(source, folder / source.name, ".", linker)
    for part in parts:
        (folder / part).symlink_to(source.name)


def _compile(source: Path, program: Path, package: str, linker: str) -> None:
    flags = ["-p=1", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {linker}"]
    command = [go(_OLDEST_GO), "build", *flags, "-o", str(program), package]
    run(command, source, seconds=_LONGEST_BUILD)


def _control_plane_name() -> str:
    return f"kubernetes-{KUBERNETES_VERSION}-{_digest(CONTROL_PLANE)}"


def _istio_name() -> str:
    return f"istio-{ISTIO_API_VERSION}-{_digest(ISTIO)}"


def _digest(source: Path) -> str:
    """Other sources or versions are another program."""
    sources = [source / name for name in ("main.go", "go.sum")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def _module(name: str) -> Path:
    """The folder of a Go module, from Go's own cache or its proxy."""
    command = [go(_OLDEST_GO), "mod", "download", "-json", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise ServiceError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])

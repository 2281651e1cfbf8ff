"""A built overlay as objects that can be asked."""

import subprocess
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from infra.downloads import ServiceError
from infra.kubernetes_tools import kustomize_binary

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
NAMESPACE = "pagemesh"


def build(folder: Path) -> list[Object]:
    """The objects that kustomize makes of a folder.

    Raises:
        ServiceError: there is no kustomize, or it refuses; the text says why.
    """
    command = [str(kustomize_binary()), "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise ServiceError(done.stderr.strip() or f"{command} ended with {done.returncode}")
    return [made for made in yaml.load_all(done.stdout, yaml.CSafeLoader) if made]


def title(made: Object) -> str:
    """How an object is called in messages: `Deployment ocr`."""
    return f"{made['kind']} {made['metadata']['name']}"


def namespace(made: Object) -> str:
    """The object's namespace; empty for what has none."""
    return str(made["metadata"].get("namespace", ""))


def matches(labels: Mapping[str, str], selector: Object) -> bool:
    """Whether labels are what a selector asks for; an empty one takes all."""
    wanted = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    return has_labels(labels, wanted) and all(
        labels.get(asked["key"]) in asked["values"] for asked in expressions
    )


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether these labels are among those; no wanted ones are among any."""
    return wanted.items() <= labels.items()


class Pod:
    """The pod of a workload's template."""

    def __init__(self, workload: Object) -> None:
        template = workload["spec"]["template"]
        self.workload = workload
        self.title = title(workload)
        self.namespace = namespace(workload)
        self.labels: Mapping[str, str] = template["metadata"].get("labels", {})
        self.spec: Object = template["spec"]

    @property
    def containers(self) -> list[Object]:
        """All of them, those that begin first as well."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @cached_property
    def ports(self) -> dict[str, int]:
        """Numbers by names."""
        return {
            port["name"]: port["containerPort"]
            for container in self.containers
            for port in container.get("ports", [])
        }

    def has_port(self, port: str | int) -> bool:
        """Whether a container has the port of this name or number."""
        return port in self.ports if isinstance(port, str) else port in self.ports.values()


class Objects:
    """All objects of an overlay."""

    def __init__(self, made: list[Object]) -> None:
        self.all = made

    def of(self, *kinds: str) -> list[Object]:
        """Those of some kinds."""
        return [made for made in self.all if made["kind"] in kinds]

    def find(self, kind: str, name: str) -> Object | None:
        """The object of a kind and name; None when there is none."""
        return next((made for made in self.of(kind) if made["metadata"]["name"] == name), None)

    def names(self, kind: str) -> set[str]:
        """Names of all objects of a kind."""
        return {made["metadata"]["name"] for made in self.of(kind)}

    @property
    def pods(self) -> list[Pod]:
        """A pod for each workload."""
        return [Pod(made) for made in self.of(*WORKLOADS)]

    def select(self, labels: Mapping[str, str], of: Object) -> list[Pod]:
        """Pods with these labels in the namespace of an object."""
        return self.selected({"matchLabels": labels}, of)

    def selected(self, selector: Object, of: Object) -> list[Pod]:
        """Pods that a selector takes in the namespace of an object."""
        here = [pod for pod in self.pods if pod.namespace == namespace(of)]
        return [pod for pod in here if matches(pod.labels, selector)]

    def containers(self) -> Iterator[tuple[Pod, Object]]:
        """Every container with its pod."""
        for pod in self.pods:
            for container in pod.containers:
                yield pod, container

"""What must be there before anything is changed; everything that is missing is told at once."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.deploy.cluster import Cluster, DeployError
from scripts.manifests import problems
from scripts.manifests.configuration import SECRETS_BY_HAND, mounted, named
from scripts.manifests.objects import Object, Objects, namespace

# Pods that sleep before they end, native sidecars, probes by gRPC, matchLabelKeys.
OLDEST = (1, 33)
_BRINGS = {
    "istio.io": "Istio (docs/operations.md, Before the first time)",
    "keda.sh": "KEDA",
    "strimzi.io": "Strimzi's cluster operator",
}


def missing(cluster: Cluster, made: list[Object]) -> list[str]:
    """What is missing or wrong, a line each.

    Raises:
        DeployError: the cluster does not answer at all.
    """
    wrong = [f"the overlay is wrong: {line}" for line in problems(Objects(made))]
    return [
        *wrong,
        *_version(cluster),
        *_kinds(cluster, made),
        *_istio(cluster, made),
        *_permissions(cluster, made),
        *_secrets(cluster, made),
    ]


def _version(cluster: Cluster) -> Iterator[str]:
    told = json.loads(cluster.run("version", "--output=json").stdout)
    server = told["serverVersion"]
    version = (int(server["major"]), int(server["minor"].rstrip("+")))
    if version < OLDEST:
        yield f"the cluster has Kubernetes {server['gitVersion']}; 1.{OLDEST[1]} or newer is needed"


def _kinds(cluster: Cluster, made: list[Object]) -> Iterator[str]:
    known = set(cluster.run("api-versions").stdout.split())
    for version in sorted({one["apiVersion"] for one in made} - known):
        by = [what for group, what in _BRINGS.items() if group in version]
        yield f"the cluster does not know {version}: install {by[0] if by else 'what brings it'}"


def _istio(cluster: Cluster, made: list[Object]) -> Iterator[str]:
    if not any("istio.io" in one["apiVersion"] for one in made):
        return
    where = "--namespace=istio-system"
    for kind, label, what in (
        ("deployments", "app=istiod", "Istio's control plane"),
        ("daemonsets", "k8s-app=istio-cni-node", "Istio's CNI node agent"),
        ("services", "istio=ingressgateway", "Istio's ingress gateway"),
    ):
        if not cluster.get(kind, f"--selector={label}", where):
            yield f"{what} is not there: no {kind} with {label} in istio-system"


def _permissions(cluster: Cluster, made: list[Object]) -> Iterator[str]:
    if cluster.run("auth", "can-i", "*", "*", "-A", fine=(0, 1)).stdout.strip() == "yes":
        return
    asked = sorted({(_resource(one), namespace(one)) for one in made})
    for resource, where in asked:
        scope = [f"--namespace={where}"] if where else []
        done = cluster.run("auth", "can-i", "patch", resource, *scope, fine=(0, 1))
        if done.stdout.strip() == "no":
            yield f"you may not patch {resource} in {where or 'the cluster'}"


def _resource(made: Object) -> str:
    """`virtualservices.networking.istio.io`, as far as kubectl needs it to know the kind."""
    group = made["apiVersion"].rpartition("/")[0]
    return f"{made['kind'].lower()}.{group}".rstrip(".")


def _secrets(cluster: Cluster, made: list[Object]) -> Iterator[str]:
    """Secrets that a person makes are there, with what pods read of them."""
    for (where, name), users in _by_hand(Objects(made)).items():
        found = _secret(cluster, where, name)
        how = f"kubectl create secret generic {name} --namespace={where} {SECRETS_BY_HAND[name]}"
        for key, pods in users.items():
            if found is None:
                yield f"{pods} needs secret {name} in namespace {where}: {how}"
                break
            if key and not found.get(key):
                yield f"{pods} needs {key} in secret {name} of namespace {where}: {how}"


def _by_hand(objects: Objects) -> dict[tuple[str, str], dict[str, str]]:
    """By namespace and name of such a secret: its keys that are read, with a pod that does."""
    used: dict[tuple[str, str], dict[str, str]] = {}
    for pod in objects.pods:
        parts = [part for container in pod.containers for part in named(container)]
        for kind, name, key in [*parts, *mounted(pod)]:
            if kind == "Secret" and name in SECRETS_BY_HAND:
                used.setdefault((pod.namespace, name), {}).setdefault(key, pod.title)
    return used


def _secret(cluster: Cluster, where: str, name: str) -> dict[str, Any] | None:
    """What is in a secret, as the cluster keeps it; None when it cannot be had."""
    try:
        found = cluster.get("secret", name, f"--namespace={where}")
    except DeployError:
        return None
    return dict(found[0].get("data", {})) if found else None

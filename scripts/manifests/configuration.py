"""ConfigMaps, their keys, and secrets."""

from collections.abc import Iterator, Mapping

from scripts.manifests.objects import Object, Objects, Pod

SECRETS_BY_HAND: Mapping[str, str] = {
    "elasticsearch": "--from-literal=ELASTICSEARCH_HOST=...",
    "gateway-clients": "--from-file=keys.json --from-file=webhook-secrets",
}
"""Secrets that a person makes (docs/operations.md): how `kubectl create secret generic` does it."""

SECRETS_FROM_OUTSIDE = SECRETS_BY_HAND.keys() | {"kafka-cluster-ca-cert"}
"""All that are not in the overlay; the others are of operators of the cluster (Strimzi)."""


def references(objects: Objects) -> list[str]:
    """ConfigMaps and keys that pods name exist; secrets exist or are known to come from outside."""
    wrong = []
    for pod, container in objects.containers():
        where = f"{pod.title} {container['name']}"
        for kind, name, key in named(container):
            wrong += [f"{where}: {line}" for line in _missing(objects, kind, name, key)]
    for pod in objects.pods:
        for kind, name, key in mounted(pod):
            wrong += [f"{pod.title}: {line}" for line in _missing(objects, kind, name, key)]
    return wrong


def _missing(objects: Objects, kind: str, name: str, key: str) -> Iterator[str]:
    if kind == "Secret":
        users = objects.names("KafkaUser")
        if name not in SECRETS_FROM_OUTSIDE | users | objects.names("Secret"):
            yield f"secret {name} is made by nobody"
        return
    found = objects.find(kind, name)
    if found is None:
        yield f"{kind} {name} is not there"
    elif key and key not in found.get("data", {}):
        yield f"{kind} {name} has no key {key}"


def named(container: Object) -> Iterator[tuple[str, str, str]]:
    """Kind, name and key of what a container's variables come from; no key where it is all."""
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {})
        if "configMapKeyRef" in source:
            yield "ConfigMap", source["configMapKeyRef"]["name"], source["configMapKeyRef"]["key"]
        if "secretKeyRef" in source:
            yield "Secret", source["secretKeyRef"]["name"], source["secretKeyRef"]["key"]
    for source in container.get("envFrom", []):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in source and not source[field].get("optional"):
                yield kind, source[field]["name"], ""


def mounted(pod: Pod) -> Iterator[tuple[str, str, str]]:
    """Kind, name and key of what a pod's volumes show; no key where they show all."""
    for volume in pod.spec.get("volumes", []):
        for field, kind, name in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
        ):
            source = volume.get(field, {"optional": True})
            if not source.get("optional"):
                keys = [item["key"] for item in source.get("items", [])]
                yield from ((kind, source[name], key) for key in keys or [""])

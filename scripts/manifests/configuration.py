"""ConfigMaps, their keys, and secrets."""

from collections.abc import Iterator

from scripts.manifests.objects import Object, Objects, Pod

# Secrets that operators of the cluster make (Strimzi), or a person does (docs/operations.md).
SECRETS_FROM_OUTSIDE = {"kafka-cluster-ca-cert", "elasticsearch", "mongodb"}


def references(objects: Objects) -> list[str]:
    """ConfigMaps and keys that pods name exist; secrets exist or are known to come from outside."""
    wrong = []
    for pod, container in objects.containers():
        where = f"{pod.title} {container['name']}"
        for kind, name, key in _named(container):
            wrong += [f"{where}: {line}" for line in _missing(objects, kind, name, key)]
    for pod in objects.pods:
        for kind, name, key in _mounted(pod):
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


def _named(container: Object) -> Iterator[tuple[str, str, str]]:
    """Kind, name and key of what a container's variables come from."""
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


def _mounted(pod: Pod) -> Iterator[tuple[str, str, str]]:
    for volume in pod.spec.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], ""
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"], ""

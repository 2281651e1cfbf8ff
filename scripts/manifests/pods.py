"""Pods: how they end, what they may do, what they may write, and that nothing is open by itself."""

from collections.abc import Iterator
from typing import Any

from scripts.manifests.environment import deployable, environment
from scripts.manifests.objects import Object, Objects, Pod, namespace

# What a volume of a restricted pod may be.
_HARMLESS = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}


def lifecycles(objects: Objects) -> list[str]:
    """Kubernetes waits longer than a pod takes to end: its sleep, its calls, its sidecar's."""
    wrong = []
    for pod in objects.pods:
        took = 0.0
        for container in pod.containers:
            noun = deployable(container)
            hook = container.get("lifecycle", {}).get("preStop", {})
            took += hook.get("sleep", {}).get("seconds", 0)
            given = environment(objects, container)
            for knob in ("DRAIN_SECONDS", "DRAIN_DELAY_SECONDS"):
                took += float(given.get(f"PAGEMESH_{noun.upper()}_{knob}", 0))
            if noun and noun != "sidecar":
                wrong += [f"{pod.title}: {line}" for line in _unprobed(container)]
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        if grace <= took:
            wrong.append(f"{pod.title} may take {took:g} s to end and is given {grace} s")
    return wrong


def _unprobed(container: Object) -> Iterator[str]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe not in container:
            yield f"{container['name']} has no {probe}"
    if not container.get("lifecycle", {}).get("preStop"):
        yield f"{container['name']} ends before the proxies have noticed: no preStop"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
        yield f"{container['name']} does not say what it needs"
    if "memory" not in resources.get("limits", {}):
        yield f"{container['name']} has no limit of memory"


def standards(objects: Objects) -> list[str]:
    """Pods of a restricted namespace keep to Kubernetes' restricted standard."""
    restricted = {
        made["metadata"]["name"]
        for made in objects.of("Namespace")
        if made["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") == "restricted"
    }
    wrong = []
    for pod in objects.pods:
        if pod.namespace in restricted:
            wrong += [f"{pod.title}: {line}" for line in _unrestricted(pod)]
    return wrong


def _unrestricted(pod: Pod) -> Iterator[str]:
    whole = pod.spec.get("securityContext", {})
    if whole.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "no seccompProfile"
    if whole.get("runAsNonRoot") is not True or whole.get("runAsUser") == 0:
        yield "may run as root"
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"has {field}"
    for volume in pod.spec.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if not kinds <= _HARMLESS:
            yield f"volume {volume['name']} is a {', '.join(kinds)}"
    for container in pod.containers:
        yield from _unrestricted_container(container)


def _unrestricted_container(container: Object) -> Iterator[str]:
    own = container.get("securityContext", {})
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield f"{container['name']} may gain privileges"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
        yield f"{container['name']} keeps capabilities"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{container['name']} may write its own image"


def volumes(objects: Objects) -> list[str]:
    """Mounts name volumes, and each volume is mounted."""
    wrong = []
    for pod in objects.pods:
        claims = pod.workload["spec"].get("volumeClaimTemplates", [])
        there = {volume["name"] for volume in pod.spec.get("volumes", [])}
        there |= {claim["metadata"]["name"] for claim in claims}
        used: set[Any] = set()
        for container in pod.containers:
            used |= {mount["name"] for mount in container.get("volumeMounts", [])}
        wrong += [f"{pod.title} mounts {name}: no such volume" for name in sorted(used - there)]
        wrong += [f"{pod.title}: nobody mounts volume {name}" for name in sorted(there - used)]
    return wrong


def denials(objects: Objects) -> list[str]:
    """Where pods run nothing is open by itself, and with Istio nothing is let in without a name."""
    here = {namespace(made) for made in objects.of("Deployment")}
    shut = {namespace(made) for made in objects.of("NetworkPolicy") if _denies(made)}
    wrong = [f"namespace {name} has no NetworkPolicy that denies" for name in sorted(here - shut)]
    if objects.of("DestinationRule"):
        if not any(not made["spec"] for made in objects.of("AuthorizationPolicy")):
            wrong.append("no AuthorizationPolicy denies what no other allows")
        strict = [
            made
            for made in objects.of("PeerAuthentication")
            if made["spec"]["mtls"]["mode"] == "STRICT" and "selector" not in made["spec"]
        ]
        if not strict:
            wrong.append("no PeerAuthentication asks all pods for mutual TLS")
    return wrong


def _denies(policy: Object) -> bool:
    spec = policy["spec"]
    return (
        spec["podSelector"] == {}
        and set(spec["policyTypes"]) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )

"""Selectors that select something, and ports that somebody listens on."""

from collections.abc import Iterator
from typing import Any

from scripts.manifests.objects import WORKLOADS, Object, Objects, Pod, has_labels, title

# Pods that an operator of the cluster makes from an object here.
_MADE_BY_STRIMZI = "strimzi.io/"
_ISTIO = ("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication")
_OPTIONAL = ("redis", "mongodb", "otel-collector")


def selectors(objects: Objects) -> list[str]:
    """What selects pods, or names a workload, finds it."""
    wrong = [
        f"{title(made)} selects {selector}, and no pod has these labels"
        for made, selector in _pod_selectors(objects)
        if not _is_elsewhere(made, selector) and not objects.selected(selector, made)
    ]
    for made in objects.of(*WORKLOADS):
        labels = made["spec"]["selector"]["matchLabels"]
        if not has_labels(Pod(made).labels, labels):
            wrong.append(f"{title(made)} selects {labels}, which its own pods do not have")
    wrong += _overlaps(objects)
    for made in objects.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = made["spec"]["scaleTargetRef"]
        if objects.find(target["kind"], target["name"]) is None:
            wrong.append(f"{title(made)} scales {target['kind']} {target['name']}: not there")
    return wrong


def _is_elsewhere(made: Object, selector: Object) -> bool:
    """Pods that Strimzi makes, and stores with whose component a policy lies in wait."""
    labels = selector.get("matchLabels", {})
    if any(key.startswith(_MADE_BY_STRIMZI) for key in labels):
        return True
    named = labels.get("app.kubernetes.io/name", "")
    return made["kind"] in _ISTIO and named in _OPTIONAL


def _overlaps(objects: Objects) -> list[str]:
    """Workloads that would take each other's pods for their own."""
    workloads = [(made, made["spec"]["selector"]["matchLabels"]) for made in objects.of(*WORKLOADS)]
    return [
        f"{title(one)} selects pods of {title(other)}, too"
        for one, labels in workloads
        for other, _ in workloads
        if one is not other
        and Pod(one).namespace == Pod(other).namespace
        and has_labels(Pod(other).labels, labels)
    ]


def _pod_selectors(objects: Objects) -> Iterator[tuple[Object, Object]]:
    for made in objects.of("Service"):
        yield made, {"matchLabels": made["spec"]["selector"]}
    for made in objects.of("PodDisruptionBudget"):
        yield made, made["spec"]["selector"]
    for made in objects.of(*_ISTIO):
        yield made, made["spec"].get("selector", {})
    for made in objects.of("NetworkPolicy"):
        yield made, made["spec"]["podSelector"]
        for peer, _ in _peers(made):
            if "podSelector" in peer and "namespaceSelector" not in peer:
                yield made, peer["podSelector"]


def _peers(policy: Object) -> Iterator[tuple[Object, Object]]:
    """Each peer of a policy with its rule."""
    for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]:
        for peer in [*rule.get("from", []), *rule.get("to", [])]:
            yield peer, rule


def ports(objects: Objects) -> list[str]:
    """Ports of services, probes and policies are ports of the containers meant."""
    wrong = []
    for made in objects.of("Service"):
        for port in made["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            wrong += [
                f"{title(made)} leads to port {target}, which {pod.title} lacks"
                for pod in objects.select(made["spec"]["selector"], made)
                if not pod.has_port(target)
            ]
    for pod, container in objects.containers():
        for probe, port in _probes(container):
            if not pod.has_port(port):
                wrong.append(
                    f"{pod.title} {container['name']}: {probe} asks port {port}: not there"
                )
    for made in objects.of("NetworkPolicy"):
        wrong += _policy_ports(objects, made)
    for made in objects.of("AuthorizationPolicy"):
        wrong += _authorized_ports(objects, made)
    return wrong


def _probes(container: Object) -> Iterator[tuple[str, str | int]]:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name, {})
        for way in ("grpc", "httpGet", "tcpSocket"):
            if way in probe:
                yield name, probe[way]["port"]


def _policy_ports(objects: Objects, policy: Object) -> list[str]:
    """A policy's named ports: its own pods' where they are called, its peers' where it calls."""
    wrong = []
    spec = policy["spec"]
    for rule in spec.get("ingress", []):
        wrong += _missing(policy, rule, objects.selected(spec["podSelector"], policy))
    for rule in spec.get("egress", []):
        for peer in rule.get("to", []):
            if "podSelector" in peer and "namespaceSelector" not in peer:
                wrong += _missing(policy, rule, objects.selected(peer["podSelector"], policy))
    return wrong


def _missing(policy: Object, rule: Object, pods: list[Pod]) -> list[str]:
    named = [port["port"] for port in rule.get("ports", []) if isinstance(port["port"], str)]
    return [
        f"{title(policy)} is about port {port}, which {pod.title} lacks"
        for port in named
        for pod in pods
        if not pod.has_port(port)
    ]


def _authorized_ports(objects: Objects, policy: Object) -> list[str]:
    selector = policy["spec"].get("selector", {})
    named: list[Any] = [
        port
        for rule in policy["spec"].get("rules", [])
        for to in rule.get("to", [])
        for port in to["operation"].get("ports", [])
    ]
    return [
        f"{title(policy)} is about port {port}, which {pod.title} lacks"
        for port in named
        for pod in objects.selected(selector, policy)
        if not pod.has_port(int(port))
    ]

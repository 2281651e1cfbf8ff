"""Istio's objects: what one names, another one must be."""

from collections.abc import Iterator
from typing import Any

from scripts.manifests.environment import deployable, environment
from scripts.manifests.objects import Object, Objects, title


def routes(objects: Objects) -> list[str]:
    """Hosts, subsets, gateways and weights of VirtualServices and DestinationRules."""
    wrong = []
    known = objects.names("Service") | external_hosts(objects)
    subsets = {
        made["spec"]["host"]: {subset["name"] for subset in made["spec"].get("subsets", [])}
        for made in objects.of("DestinationRule")
    }
    for made in objects.of("DestinationRule"):
        if made["spec"]["host"] not in known:
            wrong.append(f"{title(made)} is about {made['spec']['host']}: no such service")
        wrong += _empty_subsets(objects, made)
    for made in objects.of("VirtualService"):
        for destination in _destinations(made):
            host, subset = destination["host"], destination.get("subset")
            if host not in known:
                wrong.append(f"{title(made)} leads to {host}: no such service")
            elif subset and subset not in subsets.get(host, set()):
                wrong.append(f"{title(made)} leads to subset {subset} of {host}: not there")
        wrong += [f"{title(made)}: {line}" for line in _weights(made)]
    return wrong


def external_hosts(objects: Objects) -> set[str]:
    """Hosts outside of which Istio knows."""
    return {host for made in objects.of("ServiceEntry") for host in made["spec"]["hosts"]}


def _empty_subsets(objects: Objects, rule: Object) -> list[str]:
    service = objects.find("Service", rule["spec"]["host"])
    wanted = service["spec"]["selector"] if service else {}
    return [
        f"{title(rule)}: no pod of the service is in subset {subset['name']}"
        for subset in rule["spec"].get("subsets", [])
        if not objects.select({**wanted, **subset["labels"]}, rule)
        or {**subset["labels"], **wanted} != {**wanted, **subset["labels"]}
    ]


def _destinations(made: Object) -> Iterator[Any]:
    for route in made["spec"].get("http", []):
        for part in [*route.get("route", []), *route.get("mirrors", [])]:
            yield part["destination"]


def _weights(made: Object) -> Iterator[str]:
    for route in made["spec"].get("http", []):
        weights = [part["weight"] for part in route.get("route", []) if "weight" in part]
        if weights and sum(weights) != 100:
            yield f"weights of route {route.get('name')} are {weights}, together not 100"


def doors(objects: Objects) -> list[str]:
    """Gateways have the hosts that routes are bound to, and select Istio's ingress."""
    wrong = []
    for made in objects.of("VirtualService"):
        bound = [name for name in made["spec"].get("gateways", []) if name != "mesh"]
        inside = objects.names("Service")
        for name in bound:
            gateway = objects.find("Gateway", name)
            if gateway is None:
                wrong.append(f"{title(made)} is bound to gateway {name}: not there")
                continue
            outside = {host for server in gateway["spec"]["servers"] for host in server["hosts"]}
            wrong += [
                f"{title(made)} is about {host}, which gateway {name} does not let in"
                for host in sorted(set(made["spec"]["hosts"]) - inside - outside)
            ]
    for made in objects.of("Gateway"):
        if not made["spec"].get("selector"):
            wrong.append(f"{title(made)} selects no ingress")
        wrong += [
            f"{title(made)}: TLS without a certificate"
            for server in made["spec"]["servers"]
            if server["port"]["protocol"] == "HTTPS" and not server["tls"].get("credentialName")
        ]
    return wrong + _egress(objects)


def _egress(objects: Objects) -> list[str]:
    """Where Istio limits what is called, it knows each host that documents may come from."""
    if not objects.of("Sidecar"):
        return []
    external = external_hosts(objects)
    for _, container in objects.containers():
        if deployable(container) == "orchestrator":
            given = environment(objects, container)
            hosts = given.get("PAGEMESH_ORCHESTRATOR_ALLOWED_HOSTS", "").split(",")
            return [
                f"documents may come from {host}, of which no ServiceEntry tells"
                for host in hosts
                if host and host.partition(":")[0] not in external
            ]
    return []


def retries(objects: Objects) -> list[str]:
    """Calls to models are repeated by the orchestrator alone, streams by nobody."""
    wrong = []
    models = {
        made["metadata"]["name"]
        for made in objects.of("Service")
        if made["metadata"]["labels"].get("app.kubernetes.io/component") == "model"
    }
    for made in objects.of("VirtualService"):
        for route in made["spec"].get("http", []):
            hosts = {part["destination"]["host"] for part in route.get("route", [])}
            attempts = route.get("retries", {}).get("attempts")
            if hosts & models and attempts != 0:
                wrong.append(f"{title(made)}: Istio repeats calls to a model ({attempts} times)")
            if hosts and attempts is None:
                wrong.append(
                    f"{title(made)}: Istio's own retries apply to route {route.get('name')}"
                )
    missing = models - {
        host for made in objects.of("VirtualService") for host in made["spec"]["hosts"]
    }
    if objects.of("VirtualService"):
        wrong += [
            f"calls to {model} have no VirtualService: Istio repeats them" for model in missing
        ]
    return wrong

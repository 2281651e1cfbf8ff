"""Who comes in from outside says who it is, and nobody may say that it is somebody else."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from gateway.config import GatewayConfig
from meshkit.config import ConfigError, read_config
from meshkit.telemetry.calls import CALLER_KEY, SUBJECT_KEY
from scripts.manifests.accounts import FOREIGN
from scripts.manifests.environment import deployable, environment
from scripts.manifests.istio import external_hosts
from scripts.manifests.objects import Object, Objects, title


def strangers(objects: Objects) -> list[str]:
    """Where there is a door to the outside, the gateway knows its clients, the orchestrator asks
    for tokens, and neither believes what a caller says of itself."""
    if not objects.of("Gateway"):
        return []
    wrong = []
    for pod, config in _gateways(objects):
        if not config.knows_clients:
            wrong.append(f"{pod}: everybody outside may use it, no API keys and no issuer are set")
        if not config.webhook_secrets:
            wrong.append(f"{pod}: each of its pods signs webhooks by a secret of its own")
    for made in objects.of("AuthorizationPolicy"):
        if _is_about_orchestrator(objects, made):
            wrong += [f"{title(made)}: {line}" for line in _open_rules(made)]
    for made in objects.of("VirtualService"):
        wrong += [f"{title(made)}: {line}" for line in _believing_routes(made)]
    return wrong


def _gateways(objects: Objects) -> Iterator[tuple[str, GatewayConfig]]:
    """Title and configuration of each gateway; one that cannot be read is told elsewhere."""
    for pod, container in objects.containers():
        if deployable(container) == "gateway":
            try:
                yield pod.title, read_config(GatewayConfig, environment(objects, container))
            except ConfigError:
                continue


def _is_about_orchestrator(objects: Objects, made: Object) -> bool:
    return any(
        deployable(container) == "orchestrator"
        for pod in objects.selected(made["spec"].get("selector", {}), made)
        for container in pod.containers
    )


def _open_rules(policy: Object) -> Iterator[str]:
    for rule in policy["spec"].get("rules", []):
        sources = [one["source"] for one in rule.get("from", [])]
        if not sources or not all(one.get("serviceAccounts") for one in sources):
            yield "a rule lets anybody in"
        for source in sources:
            outside = FOREIGN.intersection(source.get("serviceAccounts", []))
            if outside and not source.get("requestPrincipals"):
                yield "who comes in by the ingress needs no token"


def _believing_routes(made: Object) -> Iterator[str]:
    if "mesh" in made["spec"].get("gateways", ["mesh"]):
        return
    for route in made["spec"].get("http", []):
        hosts = {part["destination"]["host"] for part in route.get("route", [])}
        removed = route.get("headers", {}).get("request", {}).get("remove", [])
        if "orchestrator" in hosts and CALLER_KEY not in removed:
            yield f"route {route.get('name')} leaves {CALLER_KEY} as callers outside set it"


def tokens(objects: Objects) -> list[str]:
    """Policies that ask for tokens have something that checks them, as the gateway does."""
    wrong = []
    checked = objects.of("RequestAuthentication")
    for policy in objects.of("AuthorizationPolicy"):
        selector = policy["spec"].get("selector", {})
        asking = [one for one in _sources(policy) if one.get("requestPrincipals")]
        if asking and not any(made["spec"].get("selector") == selector for made in checked):
            wrong.append(f"{title(policy)} asks for tokens, which nothing checks")
    for made in checked:
        for rule in made["spec"]["jwtRules"]:
            wrong += [f"{title(made)}: {line}" for line in _rule_lines(objects, rule)]
    return wrong


def _sources(policy: Object) -> Iterator[Any]:
    for rule in policy["spec"].get("rules", []):
        yield from (one["source"] for one in rule.get("from", []))


def _rule_lines(objects: Objects, rule: Any) -> Iterator[str]:
    claims = {one["header"]: one["claim"] for one in rule.get("outputClaimToHeaders", [])}
    if not rule.get("audiences"):
        yield "tokens of other applications are taken: no audiences"
    if SUBJECT_KEY not in claims:
        yield f"callers may set {SUBJECT_KEY}: no claim is put there"
    for pod, config in _gateways(objects):
        checks = (config.oidc_issuer, [config.oidc_audience], config.oidc_client_claim)
        if checks != (rule["issuer"], rule.get("audiences"), claims.get(SUBJECT_KEY)):
            yield f"{pod} takes other tokens: issuer, audience or claim differ"
        host = urlsplit(config.oidc_jwks_url).hostname
        if objects.of("Sidecar") and host not in external_hosts(objects):
            yield f"{pod} may not call {host} for the issuer's keys: no ServiceEntry tells of it"

"""An Envoy's own configuration, from istiod or from `tests.mesh.istio`, in what both must say."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.manifests.objects import Object

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_FIXED = ("consecutive_5xx", "consecutive_gateway_failure", "max_ejection_percent")


def clusters(made: Iterable[Object]) -> dict[str, Any]:
    """How pods are called, by cluster."""
    return {one["name"]: _cluster(one) for one in made}


def _cluster(made: Any) -> Object:
    (limits,) = made["circuit_breakers"]["thresholds"]
    options = made["typed_extension_protocol_options"][_HTTP]
    slow = made.get("least_request_lb_config", {}).get("slow_start_config", {})
    outliers = made.get("outlier_detection", {})
    enforced = {name: value for name, value in outliers.items() if name.startswith("enforcing")}
    return {
        "balanced": made["lb_policy"],
        "connect": _seconds(made["connect_timeout"]),
        "requests": limits["max_requests"],
        "spoken": sorted(options["explicit_http_config"]),
        "idle": _seconds(options.get("common_http_protocol_options", {}).get("idle_timeout")),
        "warm": _seconds(slow.get("slow_start_window")),
        "outliers": {name: outliers.get(name) for name in _FIXED} | enforced,
        "rest": _seconds(outliers.get("base_ejection_time")),
        "look": _seconds(outliers.get("interval")),
    }


def routes(made: Iterable[Object]) -> list[Object]:
    """What becomes of calls to a host, in order."""
    return [_route(one) for one in made]


def _route(made: Any) -> Object:
    action, match = made["route"], made["match"]
    retries = action.get("retry_policy", {})
    return {
        "match": match.get("path") or f"{match['prefix']}*",
        "to": action["cluster"],
        "timeout": _seconds(action["timeout"]),
        "longest": _seconds(action["max_grpc_timeout"]),
        "retries": retries.get("num_retries", 0),
        "when": retries.get("retry_on"),
        "try": _seconds(retries.get("per_try_timeout")),
    }


def tokens(made: Any) -> set[str]:
    """Each way in which tokens are checked, anywhere in a configuration, but for the keys."""
    found: set[str] = set()
    for part in _parts(made):
        if str(part.get("@type", "")).endswith(".JwtAuthentication"):
            ways = {
                name: {field: value for field, value in one.items() if field != "local_jwks"}
                for name, one in part["providers"].items()
            }
            found.add(json.dumps({**part, "providers": ways}, sort_keys=True))
    return found


def _parts(made: Any) -> Iterator[Object]:
    """All mappings in it."""
    if isinstance(made, dict):
        yield made
    for one in made.values() if isinstance(made, dict) else made if isinstance(made, list) else ():
        yield from _parts(one)


def _seconds(said: str | None) -> float | None:
    return None if said is None else float(said.removesuffix("s"))

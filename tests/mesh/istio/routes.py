"""VirtualServices as routes: which version answers, how long it may take, what is repeated."""

from collections.abc import Iterator

from scripts.manifests.objects import Object, title
from tests.mesh.istio.envoy import given
from tests.mesh.istio.fields import Fields, reading
from tests.mesh.istio.world import Known, Place, World

MESH = "mesh"
_DEFAULT_RETRIES = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"


def virtual_hosts(world: World, pod: Place, port: int) -> list[Object]:
    """Every service of a port as a pod may call it, and what becomes of calls to others."""
    visible = [one for one in world.services if one.namespace in _namespaces(world, pod)]
    found = [
        {
            "name": f"{service.host}:{port}",
            "domains": _domains(service, port, world.virtual(pod, service)),
            "routes": list(_routes(world, service, port)),
        }
        for service in visible
        if any(one.number == port and one.protocol in ("grpc", "http") for one in service.ports)
    ]
    return [*found, {"name": "others", "domains": ["*"], "routes": [_others(world)]}]


def public_hosts(world: World, gateway: str, hosts: list[str], *, redirect: bool) -> list[Object]:
    """What a gateway's hosts lead to."""
    found = []
    for host in hosts:
        for made in world.objects.of("VirtualService"):
            if host in made["spec"]["hosts"] and gateway in made["spec"].get("gateways", []):
                routes = list(_of(world, made, gateway, 0))
                tls = "ALL" if redirect else None
                domains = [host, f"{host}:*"]
                found.append(given(name=host, domains=domains, routes=routes, require_tls=tls))
    return found


def _domains(service: Known, port: int, virtual: str) -> list[str]:
    whole = f"{service.name}.{service.namespace}"
    names = [service.name, whole, f"{whole}.svc", service.host, virtual]
    return [name for one in names for name in (one, f"{one}:{port}")]


def _namespaces(world: World, pod: Place) -> set[str]:
    """Those whose services a pod's proxy knows."""
    for made in world.objects.of("Sidecar"):
        if made["metadata"]["namespace"] == pod.namespace:
            return {
                {".": pod.namespace}.get(part, part)
                for hosts in made["spec"]["egress"]
                for part in [host.partition("/")[0] for host in hosts["hosts"]]
            }
    return {one.namespace for one in world.services}


def _others(world: World) -> Object:
    """A call to what nobody knows."""
    for made in world.objects.of("Sidecar"):
        with reading(made["spec"], f"{title(made)} spec") as spec:
            for egress in spec.each("egress"):
                egress.take("hosts")
            with spec.within("outboundTrafficPolicy") as policy:
                policy.one_of("mode", {"REGISTRY_ONLY": True})
    return {"match": {"prefix": "/"}, "direct_response": {"status": 502}}


def _routes(world: World, service: Known, port: int) -> Iterator[Object]:
    for made in world.objects.of("VirtualService"):
        bound = made["spec"].get("gateways", [MESH])
        if service.name in made["spec"]["hosts"] and MESH in bound:
            yield from _of(world, made, MESH, port)
            return
    action: Object = {"cluster": service.cluster(port), "timeout": "0s", "max_grpc_timeout": "0s"}
    action["retry_policy"] = _policy(world, None)
    yield {"name": "default", "match": {"prefix": "/"}, "route": action}


def _of(world: World, made: Object, gateway: str, port: int) -> Iterator[Object]:
    """The routes of a VirtualService for callers inside, or for those who come by a gateway."""
    with reading(made["spec"], f"{title(made)} spec") as spec:
        spec.take("hosts")
        spec.take("gateways")
        for fields in spec.each("http"):
            name, matches = fields.take("name"), list(_matches(fields, gateway))
            action, removed = _answer(world, fields, port), _removed(fields)
            for match in matches:
                yield given(name=name, match=match, request_headers_to_remove=removed, **action)


def _matches(fields: Fields, gateway: str) -> Iterator[Object]:
    """What a route is for; all of it when it says nothing, nothing when it is for other doors."""
    some = False
    for match in fields.each("match"):
        some = True
        with match.within("uri") as uri:
            exact, prefix = uri.take("exact"), uri.take("prefix")
        if gateway in match.take("gateways", [gateway]):
            yield given(path=exact, prefix=prefix)
    if not some:
        yield {"prefix": "/"}


def _removed(fields: Fields) -> list[str] | None:
    """Headers of requests that go no further."""
    with fields.within("headers") as headers, headers.within("request") as request:
        removed: list[str] | None = request.take("remove")
    return removed


def _answer(world: World, fields: Fields, port: int) -> Object:
    """Who answers: the proxy itself, or a service."""
    with fields.within("directResponse") as response:
        status = response.take("status")
    if status:
        return {"direct_response": {"status": status}}
    return {"route": _action(world, fields, port)}


def _action(world: World, fields: Fields, port: int) -> Object:
    timeout = world.duration(fields.seconds("timeout")) or "0s"
    shares = [(_destination(world, one, port), one.take("weight")) for one in fields.each("route")]
    return given(
        timeout=timeout,
        max_grpc_timeout=timeout,
        retry_policy=_retries(world, fields),
        request_mirror_policies=list(_mirrors(world, fields, port)) or None,
        **_clusters(shares),
    )


def _clusters(shares: list[tuple[str, int | None]]) -> Object:
    if len(shares) == 1:
        return {"cluster": shares[0][0]}
    weighted = [{"name": name, "weight": weight} for name, weight in shares if weight]
    return {"weighted_clusters": {"clusters": weighted}}


def _destination(world: World, fields: Fields, port: int) -> str:
    with fields.within("destination") as destination:
        service = world.service(destination.take("host"))
        subset = destination.take("subset", "")
    only = service.ports[0].number if len(service.ports) == 1 else port
    return service.cluster(only, subset)


def _mirrors(world: World, fields: Fields, port: int) -> Iterator[Object]:
    for mirror in fields.each("mirrors"):
        cluster = _destination(world, mirror, port)
        with mirror.within("percentage") as percentage:
            share = percentage.take("value", 100)
        if share:
            yield {
                "cluster": cluster,
                "runtime_fraction": {
                    "default_value": {"numerator": round(share * 10_000), "denominator": "MILLION"}
                },
                "trace_sampled": False,
            }


def _retries(world: World, fields: Fields) -> Object | None:
    said = fields.take("retries")
    if said is None:
        return _policy(world, None)
    with reading(said, f"{fields.where}.retries") as retries:
        return _policy(world, retries)


def _policy(world: World, retries: Fields | None) -> Object | None:
    """How a route repeats: Istio's own two repetitions unless it says otherwise."""
    made: Object = {
        "num_retries": 2,
        "retry_on": _DEFAULT_RETRIES,
        "retriable_status_codes": [503],
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3"
                    ".PreviousHostsPredicate"
                },
            }
        ],
    }
    if retries is None:
        return made
    attempts, when = retries.take("attempts"), retries.take("retryOn")
    per_try = world.duration(retries.seconds("perTryTimeout"))
    if not attempts:
        return None
    made["num_retries"] = attempts
    if when:
        made |= {"retry_on": when, "retriable_status_codes": []}
    return {**made, **given(per_try_timeout=per_try)}

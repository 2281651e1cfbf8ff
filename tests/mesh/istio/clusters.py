"""DestinationRules as clusters: how calls are spread, bounded, and kept from failing pods."""

from collections.abc import Iterator, Mapping, Set

from scripts.manifests.objects import NAMESPACE, Object, title
from tests.mesh.istio.envoy import (
    certificate,
    endpoints,
    given,
    http_options,
    tls,
)
from tests.mesh.istio.fields import Fields, reading
from tests.mesh.istio.world import Known, Place, Port, World, identity

UNLIMITED = 2**32 - 1
_BALANCERS = {"LEAST_REQUEST": "LEAST_REQUEST", "ROUND_ROBIN": "ROUND_ROBIN", None: "LEAST_REQUEST"}


def outbound(world: World, pod: Place) -> Iterator[Object]:
    """A cluster for each port of each service, and for each of its subsets, as a pod sees them."""
    for service in world.services:
        policy, subsets = _rule(world, service)
        for port in service.ports:
            for subset, labels in [("", {}), *subsets]:
                yield {**_cluster(world, pod, service, port, subset, labels), **_for(policy, port)}


def plain(name: str, port: int, protocol: str) -> Object:
    """A port of 127.0.0.1, such as what is behind a pod's proxy."""
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": endpoints(name, [("127.0.0.1", port)]),
        "typed_extension_protocol_options": http_options(protocol),
    }


def _cluster(
    world: World,
    pod: Place,
    service: Known,
    port: Port,
    subset: str,
    labels: Mapping[str, str],
) -> Object:
    pods = world.select({**service.selector, **labels}, service.namespace)
    name = service.cluster(port.number, subset)
    there = [one for one in pods if port.target in one.containers]
    sni = f"outbound_.{port.number}_.{subset}_.{service.host}"
    return {
        "name": name,
        **_members(world, service, name, [(world.address(one), port.target) for one in there]),
        "transport_socket": _mutual(world, pod, port, sni, {one.account for one in pods}),
    }


def _members(world: World, service: Known, name: str, found: list[tuple[str, int]]) -> Object:
    """Who is in a cluster: for good, or as a file says."""
    if service.name not in world.changing:
        return {"type": "STATIC", "load_assignment": endpoints(name, found)}
    source = {"path_config_source": {"path": str(world.endpoints / f"{name}.json")}}
    return {"type": "EDS", "eds_cluster_config": {"eds_config": source}}


def assignments(world: World, there: Set[str]) -> Mapping[str, Object]:
    """By cluster: what the files of `World.endpoints` say while these pods are ready."""
    found = {}
    for service in (one for one in world.services if one.name in world.changing):
        _, subsets = _rule(world, service)
        for port in service.ports:
            for subset, labels in [("", {}), *subsets]:
                pods = world.select({**service.selector, **labels}, service.namespace)
                ready = [one for one in pods if one.name in there and port.target in one.containers]
                name = service.cluster(port.number, subset)
                found[name] = endpoints(name, [(world.address(one), port.target) for one in ready])
    return found


def _mutual(world: World, pod: Place, port: Port, sni: str, accounts: Set[str]) -> Object:
    """TLS with the pod's own certificate; who answers must be one of these accounts."""
    names = [identity(NAMESPACE, account) for account in sorted(accounts)]
    matchers = [{"san_type": "URI", "matcher": {"exact": name}} for name in names]
    trusted = {"filename": str(world.certificates / "authority.pem")}
    context = {
        "tls_certificates": [certificate(world.certificates, pod.name)],
        "validation_context": given(
            trusted_ca=trusted, match_typed_subject_alt_names=matchers or None
        ),
        "alpn_protocols": ["http/1.1" if port.protocol == "http" else "h2"],
    }
    return tls("UpstreamTlsContext", sni=sni, common_tls_context=context)


def _rule(world: World, service: Known) -> tuple[Object, list[tuple[str, Mapping[str, str]]]]:
    """What a service's DestinationRule says: its policy, its subsets with their labels."""
    for made in world.objects.of("DestinationRule"):
        if made["spec"]["host"] == service.name:
            with reading(made["spec"], f"{title(made)} spec") as spec:
                spec.take("host")
                subsets = [(s.take("name"), s.take("labels")) for s in spec.each("subsets")]
                with spec.within("trafficPolicy") as fields:
                    return _policy(world, fields), subsets
    return _defaults(), []


def _for(policy: Object, port: Port) -> Object:
    """A policy with how its port is spoken to."""
    made = dict(policy)
    idle = made.pop("idle")
    if port.protocol in ("grpc", "http"):
        made["typed_extension_protocol_options"] = http_options(port.protocol, idle)
    return made


def _defaults() -> Object:
    return {
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "10s",
        "circuit_breakers": {"thresholds": [_thresholds()]},
        "idle": None,
    }


def _policy(world: World, fields: Fields) -> Object:
    made = _defaults()
    with fields.within("loadBalancer") as balancer:
        made["lb_policy"] = balancer.one_of("simple", _BALANCERS)
        with balancer.within("warmup") as warmup:
            window = world.duration(warmup.seconds("duration"))
        if window and made["lb_policy"] == "LEAST_REQUEST":
            slow = {"slow_start_config": {"slow_start_window": window}}
            made["least_request_lb_config"] = slow
    with fields.within("connectionPool") as pool:
        with pool.within("tcp") as tcp:
            # Not hurried: connecting takes what it takes.
            made["connect_timeout"] = world.kept(tcp.seconds("connectTimeout")) or "10s"
        with pool.within("http") as http:
            made["idle"] = world.duration(http.seconds("idleTimeout"))
            most = _thresholds(max_requests=http.take("http2MaxRequests", UNLIMITED))
            made["circuit_breakers"] = {"thresholds": [most]}
    with fields.within("outlierDetection") as outliers:
        made["outlier_detection"] = _outliers(world, outliers)
    # Istio's: a service whose pods all fail is not called at random instead.
    made["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    return made


def _outliers(world: World, fields: Fields) -> Object:
    failures, gateway = fields.take("consecutive5xxErrors"), fields.take("consecutiveGatewayErrors")
    return given(
        enforcing_success_rate=0,
        consecutive_5xx=failures,
        enforcing_consecutive_5xx=None if failures is None else 100 * (failures > 0),
        consecutive_gateway_failure=gateway,
        enforcing_consecutive_gateway_failure=None if gateway is None else 100 * (gateway > 0),
        interval=world.duration(fields.seconds("interval")),
        base_ejection_time=world.duration(fields.seconds("baseEjectionTime")),
        max_ejection_percent=fields.take("maxEjectionPercent"),
    )


def _thresholds(max_requests: int = UNLIMITED) -> Object:
    return {
        "max_requests": max_requests,
        "max_retries": UNLIMITED,
        "max_connections": UNLIMITED,
        "max_pending_requests": UNLIMITED,
        "track_remaining": True,
    }

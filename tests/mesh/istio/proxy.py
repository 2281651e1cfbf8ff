"""A pod's Envoy: all of its configuration."""

from collections.abc import Iterator
from typing import Any

from scripts.manifests.objects import Object, title
from tests.mesh.istio import access, clusters, routes, tokens
from tests.mesh.istio.envoy import address, certificate, filter_of, given, tls
from tests.mesh.istio.fields import Fields, UnknownFieldError, reading
from tests.mesh.istio.telemetry import observation
from tests.mesh.istio.world import Place, World

TRANSLATED = {
    *("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
    *("DestinationRule", "VirtualService", "Gateway", "ServiceEntry", "Sidecar", "Telemetry"),
}
_FILTERS = "extensions.filters"
_HTTP, _TCP = f"{_FILTERS}.network.http_connection_manager.v3", f"{_FILTERS}.network.tcp_proxy.v3"
# Where Istio's ingress listens for ports that nobody but root may take.
_INGRESS_PORTS = {443: 8443, 80: 8080}


class Proxy:
    """The proxy of a pod.

    Args:
        folder: for its access log.
    """

    def __init__(self, world: World, pod: Place, folder: str) -> None:
        self._world = world
        self._pod = pod
        self._observed = observation(world, pod, folder)

    def bootstrap(self) -> Object:
        """Envoy's whole configuration. Raises UnknownFieldError."""
        unknown = {made["kind"] for made in self._world.objects.all if _is_istio(made)}
        if unknown - TRANSLATED:
            raise UnknownFieldError(f"kinds: {sorted(unknown - TRANSLATED)}")
        listeners = [*self._inbound(), *self._outbound(), *self._external(), *self._gateways()]
        return {
            "node": {"id": self._pod.name, "cluster": self._pod.account},
            "admin": {"address": address("127.0.0.1", self._world.admin[self._pod.name])},
            "static_resources": {"listeners": listeners, "clusters": list(self._clusters())},
        }

    def _clusters(self) -> Iterator[Object]:
        yield from clusters.outbound(self._world, self._pod)
        for port, container in self._pod.containers.items():
            yield clusters.plain(f"inbound|{port}||", container, self._protocol(port))
        yield clusters.plain("outside", self._world.outside, "tcp")

    def _protocol(self, port: int) -> str:
        """What a port of the pod speaks, as its service says."""
        for service in self._world.services:
            if self._pod in self._world.select(service.selector, service.namespace):
                for one in service.ports:
                    if one.target == port:
                        return one.protocol
        raise KeyError(f"{self._pod.name} has no service with port {port}")

    def _inbound(self) -> Iterator[Object]:
        mode = access.modes(self._world, self._pod)
        for port in self._pod.containers:
            if self._protocol(port) in ("grpc", "http"):
                filters = [self._calls_in(port)]
            else:
                allowed = access.authorization_of_bytes(self._world, self._pod)
                filters = [one for one in (allowed, self._bytes(f"inbound|{port}||")) if one]
            chains = access.chains(self._world, self._pod, filters, mode(port))
            yield self._listener(self._world.address(self._pod), port, chains)

    def _calls_in(self, port: int) -> Object:
        """Calls to a port of the pod."""
        action = {
            "cluster": f"inbound|{port}||",
            "timeout": "0s",
            "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
            # Istio's own: only what the pod has not seen yet is given to it again.
            "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
        }
        routes = [{"match": {"prefix": "/"}, "route": action}]
        host = {"name": "inbound", "domains": ["*"], "routes": routes}
        checked = tokens.authentication(self._world, self._pod)
        allowed = access.authorization(self._world, self._pod)
        return self._manager(f"inbound_{port}", [host], checked, allowed)

    def _outbound(self) -> Iterator[Object]:
        for service in self._world.services:
            for port in service.ports:
                where = self._world.virtual(self._pod, service)
                if port.protocol in ("grpc", "http"):
                    hosts = routes.virtual_hosts(self._world, self._pod, port.number)
                    chain = self._manager(f"outbound_{port.number}", hosts)
                else:
                    chain = self._bytes(service.cluster(port.number))
                yield self._listener(where, port.number, [{"filters": [chain]}])

    def _external(self) -> Iterator[Object]:
        """TLS to hosts outside, told by the name that the caller wants."""
        chains = []
        for made in self._world.objects.of("ServiceEntry"):
            with reading(made["spec"], f"{title(made)} spec") as spec:
                spec.one_of("location", {"MESH_EXTERNAL": None})
                spec.one_of("resolution", {"DNS": None})
                for port in spec.each("ports"):
                    port.take("name")
                    port.one_of("number", {443: None})
                    port.one_of("protocol", {"TLS": None})
                for host in spec.take("hosts"):
                    match = {"server_names": [host]}
                    filters = [self._bytes("outside")]
                    chains.append({"filter_chain_match": match, "filters": filters})
        if chains:
            yield self._listener(self._world.elsewhere(self._pod), 443, chains)

    def _gateways(self) -> Iterator[Object]:
        for made in self._world.objects.of("Gateway"):
            with reading(made["spec"], f"{title(made)} spec") as spec:
                if spec.take("selector").items() <= self._pod.labels.items():
                    name = made["metadata"]["name"]
                    yield from (self._door(name, server) for server in spec.each("servers"))
                else:
                    spec.take("servers")

    def _door(self, gateway: str, server: Fields) -> Object:
        with server.within("port") as port:
            number = port.take("number")
            port.take("name")
            port.one_of("protocol", {"HTTPS": None, "HTTP": None})
        with server.within("tls") as said:
            redirect, simple = said.take("httpsRedirect", False), said.take("mode")
            chain = {} if redirect else self._public(said, simple)
        hosts = routes.public_hosts(self._world, gateway, server.take("hosts"), redirect=redirect)
        chain["filters"] = [self._manager(f"public_{number}", hosts, edge=True)]
        where = self._world.address(self._pod)
        return self._listener(where, _INGRESS_PORTS[number], [chain])

    def _public(self, said: Fields, mode: str) -> Object:
        """The certificate that is shown to the outside."""
        if mode != "SIMPLE":
            raise UnknownFieldError(f"{said.where}: mode {mode}")
        oldest = said.one_of("minProtocolVersion", {"TLSV1_2": "TLSv1_2", "TLSV1_3": "TLSv1_3"})
        context = {
            "tls_certificates": [
                certificate(self._world.certificates, said.take("credentialName"))
            ],
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": oldest},
        }
        return {"transport_socket": tls("DownstreamTlsContext", common_tls_context=context)}

    def _manager(
        self, name: str, hosts: list[Object], *first: Object | None, edge: bool = False
    ) -> Object:
        router = filter_of("envoy.filters.http.router", f"{_FILTERS}.http.router.v3.Router")
        return filter_of(
            "envoy.filters.network.http_connection_manager",
            f"{_HTTP}.HttpConnectionManager",
            stat_prefix=name,
            codec_type="AUTO",
            stream_idle_timeout="0s",
            normalize_path=True,
            use_remote_address=edge,
            route_config={"name": name, "virtual_hosts": hosts, "validate_clusters": False},
            http_filters=[one for one in (*first, router) if one],
            **self._observed,
        )

    def _bytes(self, cluster: str) -> Object:
        kind = f"{_TCP}.TcpProxy"
        return filter_of(
            "envoy.filters.network.tcp_proxy", kind, stat_prefix="tcp", cluster=cluster
        )

    def _listener(self, host: str, port: int, chains: list[Any]) -> Object:
        inspector = filter_of(
            "envoy.filters.listener.tls_inspector",
            f"{_FILTERS}.listener.tls_inspector.v3.TlsInspector",
        )
        told = any("filter_chain_match" in chain for chain in chains)
        return given(
            name=f"{host}:{port}",
            address=address(host, port),
            filter_chains=chains,
            listener_filters=[inspector] if told else None,
        )


def _is_istio(made: Object) -> bool:
    return ".istio.io/" in made["apiVersion"]

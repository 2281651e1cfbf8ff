"""Words of Envoy's configuration that are said more than once."""

from pathlib import Path
from typing import Any

from scripts.manifests.objects import Object

_TYPE = "type.googleapis.com/envoy."
_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"


def typed(kind: str, **fields: Any) -> Object:
    """A message of a type under `envoy.`; fields that are None are left out."""
    return {"@type": _TYPE + kind, **given(**fields)}


def given(**fields: Any) -> Object:
    """Those fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def address(host: str, port: int) -> Object:
    return {"socket_address": {"address": host, "port_value": port}}


def endpoints(name: str, found: list[tuple[str, int]]) -> Object:
    """A cluster's addresses."""
    hosts = [{"endpoint": {"address": address(*where)}} for where in found]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}


def http_options(protocol: str, idle: str | None = None) -> Object:
    """How a cluster speaks: HTTP/2 for gRPC, HTTP/1.1 else."""
    spoken = "http2_protocol_options" if protocol == "grpc" else "http_protocol_options"
    options = typed(
        _HTTP_OPTIONS,
        explicit_http_config={spoken: {}},
        common_http_protocol_options={"idle_timeout": idle} if idle else None,
    )
    return {f"envoy.{_HTTP_OPTIONS}": options}


def certificate(folder: Path, name: str) -> Object:
    """A chain and its key."""
    return {
        "certificate_chain": {"filename": str(folder / f"{name}.pem")},
        "private_key": {"filename": str(folder / f"{name}.key")},
    }


def tls(kind: str, **fields: Any) -> Object:
    """A transport socket: `UpstreamTlsContext` or `DownstreamTlsContext`."""
    config = typed(f"extensions.transport_sockets.tls.v3.{kind}", **fields)
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def filter_of(name: str, kind: str, **fields: Any) -> Object:
    """A filter of a listener or of HTTP."""
    return {"name": name, "typed_config": typed(kind, **fields)}

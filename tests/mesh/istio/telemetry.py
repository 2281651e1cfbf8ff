"""Telemetry resources as tracing and access logs."""

from scripts.manifests.objects import Object, title
from tests.mesh.istio.envoy import filter_of, typed
from tests.mesh.istio.fields import Fields, UnknownFieldError, reading
from tests.mesh.istio.world import Place, World

ACCESS_LOG = "access.log"
_LOGGERS = "extensions.access_loggers"


def observation(world: World, pod: Place, folder: str) -> Object:
    """Settings of a connection manager: where spans go, which calls are logged in `folder`."""
    settings: Object = {}
    for made in world.objects.of("Telemetry"):
        with reading(made["spec"], f"{title(made)} spec") as spec:
            for tracing in spec.each("tracing"):
                settings["tracing"] = _tracing(world, pod, tracing)
            settings["access_log"] = [_log(log, folder) for log in spec.each("accessLogging")]
    return settings


def _tracing(world: World, pod: Place, fields: Fields) -> Object:
    (name,) = [one["name"] for one in fields.take("providers")]
    whole = {"value": 100.0}
    return {
        "random_sampling": {"value": float(fields.take("randomSamplingPercentage"))},
        "client_sampling": whole,
        "overall_sampling": whole,
        "custom_tags": [
            {"tag": tag, "literal": {"value": said["literal"]["value"]}}
            for tag, said in fields.take("customTags", {}).items()
        ],
        "provider": _provider(world, pod, name),
    }


def _provider(world: World, pod: Place, name: str) -> Object:
    """What Istio's mesh configuration knows under a name. Raises UnknownFieldError."""
    for one in world.providers:
        if one["name"] == name:
            with reading(one["opentelemetry"], f"provider {name} opentelemetry") as fields:
                host, port = fields.take("service"), fields.take("port")
            cluster = world.service(host).cluster(port)
            called = {"cluster_name": cluster, "authority": host}
            return filter_of(
                "envoy.tracers.opentelemetry",
                "config.trace.v3.OpenTelemetryConfig",
                grpc_service={"envoy_grpc": called, "timeout": "5s"},
                service_name=f"{pod.account}.{pod.namespace}",
            )
    raise UnknownFieldError(f"no provider {name} in the mesh configuration")


def _log(fields: Fields, folder: str) -> Object:
    (name,) = [one["name"] for one in fields.take("providers")]
    if name != "envoy":
        raise UnknownFieldError(f"{fields.where}: only Istio's own provider envoy is translated")
    with fields.within("filter") as chosen:
        expression = chosen.take("expression")
    cel = f"{_LOGGERS}.filters.cel.v3.ExpressionFilter"
    return {
        **filter_of(
            "envoy.access_loggers.file",
            f"{_LOGGERS}.file.v3.FileAccessLog",
            path=f"{folder}/{ACCESS_LOG}",
        ),
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": typed(cel, expression=expression),
            }
        },
    }

"""Every object is what Kubernetes 1.37, Istio 1.32 and KEDA 2.20 say that it may be."""

import copy
from typing import Any

import kubernetes_validate
import pytest

from infra.downloads import ServiceError
from infra.kubernetes_tools import KUBERNETES_VERSION
from scripts.manifests.objects import Object, title
from tests.unit.k8s.overlays import NAMES, overlay
from tests.unit.k8s.schemas import custom_schemas

VERSION = ".".join(KUBERNETES_VERSION.split(".")[:2])
# Strimzi's definitions are made by its build and are in no package that can be had.
UNSEEN = "kafka.strimzi.io/"


def faults(made: Object) -> list[str]:
    """What its schema has against an object."""
    version, kind = made["apiVersion"], made["kind"]
    if version.startswith(UNSEEN):
        return []
    if "." in version and not version.endswith(".k8s.io/v1"):
        validator = custom_schemas().get((version, kind))
        if validator is None:
            return [f"{version} {kind}: no such kind"]
        return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(made)]
    try:
        kubernetes_validate.validate(made, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [str(error.message)]
    return []


@pytest.fixture(autouse=True)
def _definitions() -> None:
    try:
        custom_schemas()
    except ServiceError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", NAMES)
def test_objects_are_valid(name: str) -> None:
    objects = overlay(name).all
    wrong = {title(made): found for made in objects if (found := faults(made))}
    assert wrong == {}


def put(made: Any, path: str, value: Any) -> None:
    """Set a place like `spec.ports.0.port`."""
    *parents, last = path.split(".")
    for part in parents:
        made = made[int(part)] if part.isdigit() else made[part]
    made[last] = value


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("Deployment", "ocr", "spec.templates", {}),
        ("Deployment", "ocr", "spec.minReadySeconds", "five"),
        ("Deployment", "ocr", "spec.template.spec.initContainers.0.restartpolicy", "Always"),
        ("Deployment", "ocr", "spec.template.spec.containers.0.startupProbe.grpcs", {}),
        ("Service", "ocr", "spec.ports.0.port", "grpc"),
        ("NetworkPolicy", "models", "spec.ingres", []),
        ("HorizontalPodAutoscaler", "ocr", "spec.minReplica", 1),
        ("PeerAuthentication", "default", "spec.mtls.mode", "STRICTLY"),
        ("PeerAuthentication", "default", "spec.mtsl", {}),
        ("AuthorizationPolicy", "models", "spec.action", "PERMIT"),
        ("AuthorizationPolicy", "models", "spec.rules.0.form", []),
        ("DestinationRule", "ocr", "spec.trafficPolicy.loadBalancer.simple", "LEAST_REQUESTS"),
        ("DestinationRule", "ocr", "spec.trafficPolicy.outlierDetection.baseEjectTime", "15s"),
        ("VirtualService", "ocr", "spec.http.0.retries.attempts", "none"),
        ("VirtualService", "ocr", "spec.http.0.retry", {}),
        ("RequestAuthentication", "orchestrator", "spec.jwtRules.0.jwksURL", "https://a"),
        ("AuthorizationPolicy", "orchestrator", "spec.rules.1.from.0.source.requestPrincipal", "*"),
        ("Gateway", "public", "spec.servers.0.tls.mode", "TLS"),
        ("ServiceEntry", "documents", "spec.resolution", "DNSS"),
        ("ScaledObject", "orchestrator", "spec.triggers.0.metadata", ["topic"]),
        ("ScaledObject", "orchestrator", "spec.maxReplicas", 12),
    ],
)
def test_a_planted_mistake_is_seen(kind: str, name: str, path: str, value: Any) -> None:
    made = copy.deepcopy(overlay("production").find(kind, name))
    assert made is not None
    put(made, path, value)
    assert faults(made) != []

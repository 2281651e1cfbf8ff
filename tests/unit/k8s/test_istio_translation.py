"""`make test-mesh` gives its Envoys every setting of Istio's that `k8s/` has, or names it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.manifests.objects import Object, Objects
from tests.mesh.istio.fields import UnknownFieldError
from tests.mesh.istio.proxy import Proxy
from tests.mesh.members import INGRESS, Inside, Member
from tests.mesh.running import plan
from tests.unit.k8s.overlays import overlay
from tests.unit.k8s.test_overlays import find

MEMBERS = [
    INGRESS,
    Member("gateway-1", "gateway", Inside.REST),
    Member("orchestrator-1", "orchestrator", Inside.BACKEND),
    Member("ocr-1", "ocr", Inside.SIDECAR),
    Member("collector-1", "otel-collector", Inside.COLLECTOR),
]


def translate(objects: Objects) -> dict[str, Object]:
    """Each pod's configuration."""
    world = plan(objects, Path("/nowhere"), MEMBERS)
    return {pod.name: Proxy(world, pod, "/nowhere").bootstrap() for pod in world.pods}


@pytest.mark.parametrize("name", ["production", "canary", "gpu"])
def test_all_of_an_overlay_is_translated(name: str) -> None:
    made = translate(overlay(name))
    listeners = {pod: one["static_resources"]["listeners"] for pod, one in made.items()}
    assert all(len(found) > 8 for found in listeners.values())


def test_durations_are_as_written() -> None:
    clusters = translate(overlay("production"))["orchestrator-1"]["static_resources"]["clusters"]
    (ocr,) = [one for one in clusters if one["name"].startswith("outbound|50051|stable|ocr.")]
    assert float(ocr["connect_timeout"].removesuffix("s")) == 2
    assert float(ocr["outlier_detection"]["base_ejection_time"].removesuffix("s")) == 15


def _spec(kind: str, name: str) -> Callable[[Objects], Any]:
    return lambda objects: find(objects, kind, name)["spec"]


def _fault(objects: Objects) -> None:
    _spec("VirtualService", "ocr")(objects)["http"][0]["fault"] = {"abort": {"httpStatus": 500}}


def _header_match(objects: Objects) -> None:
    match = _spec("VirtualService", "doors")(objects)["http"][0]["match"][0]
    match["headers"] = {"x-user": {"exact": "a"}}


def _header(objects: Objects) -> None:
    request = _spec("VirtualService", "doors")(objects)["http"][0]["headers"]["request"]
    request["set"] = {"x-user": "a"}


def _token_place(objects: Objects) -> None:
    rule = _spec("RequestAuthentication", "orchestrator")(objects)["jwtRules"][0]
    rule["fromParams"] = ["access_token"]


def _issuers(objects: Objects) -> None:
    _spec("RequestAuthentication", "orchestrator")(objects)["jwtRules"] *= 2


def _principal(objects: Objects) -> None:
    rule = _spec("AuthorizationPolicy", "orchestrator")(objects)["rules"][1]
    rule["from"][0]["source"]["requestPrincipals"] = ["https://login.example.org/unit-7"]


def _retries(objects: Objects) -> None:
    _spec("VirtualService", "orchestrator")(objects)["http"][1]["retries"]["backoff"] = "1s"


def _balancer(objects: Objects) -> None:
    policy = _spec("DestinationRule", "ocr")(objects)["trafficPolicy"]
    policy["loadBalancer"]["simple"] = "PASSTHROUGH"


def _outliers(objects: Objects) -> None:
    policy = _spec("DestinationRule", "ocr")(objects)["trafficPolicy"]
    policy["outlierDetection"]["splitExternalLocalOriginErrors"] = True


def _subset(objects: Objects) -> None:
    _spec("DestinationRule", "ocr")(objects)["subsets"][0]["trafficPolicy"] = {}


def _condition(objects: Objects) -> None:
    rule = _spec("AuthorizationPolicy", "models")(objects)["rules"][0]
    rule["when"] = [{"key": "source.ip", "values": ["10.0.0.1"]}]


def _denial(objects: Objects) -> None:
    _spec("AuthorizationPolicy", "models")(objects)["action"] = "DENY"


def _star(objects: Objects) -> None:
    rule = _spec("AuthorizationPolicy", "models")(objects)["rules"][0]
    rule["to"][0]["operation"]["paths"] = ["*/RecognizePage"]


def _disabled(objects: Objects) -> None:
    _spec("PeerAuthentication", "default")(objects)["mtls"]["mode"] = "DISABLE"


def _open_egress(objects: Objects) -> None:
    _spec("Sidecar", "default")(objects)["outboundTrafficPolicy"]["mode"] = "ALLOW_ANY"


def _provider(objects: Objects) -> None:
    _spec("Telemetry", "default")(objects)["tracing"][0]["providers"][0]["name"] = "zipkin"


def _duration(objects: Objects) -> None:
    _spec("VirtualService", "ocr")(objects)["http"][0]["timeout"] = "3 minutes"


def _kind(objects: Objects) -> None:
    meta = {"name": "own", "namespace": "pagemesh"}
    made = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": meta}
    objects.all.append(made)


PLANTED: list[tuple[Callable[[Objects], None], str]] = [
    (_fault, r"VirtualService ocr spec\.http\[0\]: not translated: fault"),
    (_header_match, r"VirtualService doors spec\.http\[0\]\.match\[0\]: not translated: headers"),
    (_header, r"VirtualService doors spec\.http\[0\]\.headers\.request: not translated: set"),
    (_token_place, r"RequestAuthentication orchestrator .*: not translated: fromParams"),
    (_issuers, r"only one issuer"),
    (_principal, r"only any requestPrincipal"),
    (_retries, r"VirtualService orchestrator .*\.retries: not translated: backoff"),
    (_balancer, r"DestinationRule ocr .*simple is 'PASSTHROUGH'"),
    (_outliers, r"outlierDetection: not translated: splitExternalLocalOriginErrors"),
    (_subset, r"DestinationRule ocr spec\.subsets\[0\]: not translated: trafficPolicy"),
    (_condition, r"AuthorizationPolicy models spec\.rules\[0\]: not translated: when"),
    (_denial, r"AuthorizationPolicy models spec: action is 'DENY'"),
    (_star, r"only a star at a path's end"),
    (_disabled, r"PeerAuthentication default spec\.mtls: mode is 'DISABLE'"),
    (_open_egress, r"Sidecar default .*mode is 'ALLOW_ANY'"),
    (_provider, r"no provider zipkin"),
    (_duration, r"timeout is no duration: '3 minutes'"),
    (_kind, r"kinds: \['EnvoyFilter'\]"),
]


@pytest.mark.parametrize(("plant", "told"), PLANTED, ids=[p[0].__name__[1:] for p in PLANTED])
def test_what_is_not_translated_is_told(plant: Callable[[Objects], None], told: str) -> None:
    objects = overlay("canary")
    plant(objects)
    with pytest.raises(UnknownFieldError, match=told):
        translate(objects)

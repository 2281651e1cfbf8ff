"""`istioctl analyze` over every overlay, beside Istio's own installation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.downloads import ServiceError
from infra.istiod import analyze, installation
from scripts.manifests.objects import Object, Objects
from tests.cluster.conftest import mesh_config
from tests.unit.k8s.overlays import NAMES, overlay


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of what Istio itself puts into a cluster."""
    path = tmp_path_factory.mktemp("analyze") / "istio.yaml"
    path.write_text(yaml.safe_dump_all(installation(mesh_config())))
    return path


def found(objects: Objects, folder: Path, installed: Path) -> set[tuple[str, str]]:
    """Code and object of everything that istioctl says of an overlay."""
    path = folder / "overlay.yaml"
    path.write_text(yaml.safe_dump_all(objects.all))
    said = analyze([path, installed], mesh_config())
    return {(one["code"], one["origin"]) for one in said}


@pytest.mark.parametrize("name", NAMES)
def test_istio_finds_nothing(name: str, tmp_path: Path, installed: Path) -> None:
    assert found(overlay(name), tmp_path, installed) == set()


def _subset(spec: Any) -> None:
    spec["http"][0]["route"][0]["destination"]["subset"] = "steady"


def _unverified(spec: Any) -> None:
    spec["trafficPolicy"]["tls"] = {"mode": "SIMPLE"}


def _gateway(spec: Any) -> None:
    spec["gateways"] = ["publik"]


@pytest.mark.parametrize(
    ("kind", "name", "mistake", "code"),
    [
        ("VirtualService", "ocr", _subset, "IST0101"),
        ("VirtualService", "doors", _gateway, "IST0101"),
        ("DestinationRule", "ocr", _unverified, "IST0128"),
    ],
)
def test_istio_finds_what_is_planted(
    kind: str,
    name: str,
    mistake: Callable[[Any], None],
    code: str,
    tmp_path: Path,
    installed: Path,
) -> None:
    objects = overlay("production")
    made: Object | None = objects.find(kind, name)
    assert made is not None
    mistake(made["spec"])
    assert (code, f"{kind} pagemesh/{name}") in found(objects, tmp_path, installed)


def test_istio_does_not_read_what_is_no_value_of_a_field(tmp_path: Path, installed: Path) -> None:
    objects = overlay("production")
    made = objects.find("PeerAuthentication", "default")
    assert made is not None
    made["spec"]["mtls"]["mode"] = "STRICTLY"
    with pytest.raises(ServiceError, match=r"unknown value .*STRICTLY"):
        found(objects, tmp_path, installed)

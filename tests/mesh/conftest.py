"""Meshes of real Envoys, which `make test-mesh` starts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mesh.members import INGRESS, Inside, Member, several
from tests.mesh.mesh import Mesh
from tests.mesh.running import running
from tests.unit.k8s.overlays import overlay


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not os.environ.get("MESH"):
            item.add_marker(pytest.mark.skip("`make test-mesh` installs Envoy"))


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The overlay's callers, two pods of OCR, and backends in place of orchestrator and gateway."""
    members = [
        INGRESS,
        *several("ocr", 2, Inside.SIDECAR),
        Member("deskew-1", "deskew", Inside.SIDECAR),
        Member("signature-1", "signature", Inside.BACKEND, foreign=True),
        Member("checkbox-1", "checkbox", Inside.BACKEND, shown="classify"),
        *several("orchestrator", 2, Inside.BACKEND),
        Member("gateway-1", "gateway", Inside.REST),
        Member("impostor", "orchestrator", foreign=True),
    ]
    with running(overlay("production"), tmp_path_factory.mktemp("production"), members) as mesh:
        yield mesh


@pytest.fixture(autouse=True)
def _forget(request: pytest.FixtureRequest) -> None:
    """Each test begins with backends that do as they should."""
    if "production" in request.fixturenames:
        request.getfixturevalue("production").forget()

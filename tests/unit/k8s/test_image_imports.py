"""Each image has what its code imports."""

from pathlib import Path

import pytest

from scripts import image_imports
from scripts.image_imports import imports, uncovered
from scripts.lock_images import FOLDER
from scripts.manifests.environment import CONFIGS

NOUNS = sorted(CONFIGS)


@pytest.mark.parametrize("noun", NOUNS)
def test_all_that_is_imported_is_there(noun: str) -> None:
    assert uncovered(noun) == []


def test_models_with_cuda_have_the_same() -> None:
    assert uncovered("ocr", FOLDER / "model-cuda.lock") == []


@pytest.mark.parametrize(
    ("noun", "lock", "package", "importer"),
    [
        ("ocr", "model", "opencv-python-headless", "servers/ocr/"),
        ("gateway", "gateway", "pymongo", "gateway/"),
        ("gateway", "gateway", "starlette", "gateway/"),
        ("orchestrator", "orchestrator", "s3fs", "orchestrator/"),
        ("sidecar", "sidecar", "hpack", "sidecar/"),
        ("sidecar", "sidecar", "opentelemetry-exporter-otlp-proto-grpc", "meshkit/"),
        ("deskew", "model", "protobuf", "pagemesh/"),
    ],
)
def test_a_package_that_was_forgotten_is_seen(
    noun: str, lock: str, package: str, importer: str, tmp_path: Path
) -> None:
    whole = (FOLDER / f"{lock}.lock").read_text()
    assert f"\n{package}==" in whole
    short = tmp_path / "short.lock"
    short.write_text(whole.replace(f"\n{package}==", "\nother=="))
    told = uncovered(noun, short)
    assert told
    assert all(f"is of {package}" in line for line in told)
    assert any(line.startswith(importer) for line in told)


def test_a_module_that_is_not_copied_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = image_imports.copied
    monkeypatch.setattr(image_imports, "copied", lambda noun: copied(noun)[1:])
    told = uncovered("sidecar")
    assert told
    assert all("meshkit" in line and "is not copied" in line for line in told)


def test_every_way_to_import_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "import numpy.linalg\n"
        "from pagemesh.ocr.v1 import ocr_service_pb2\n"
        "def later():\n"
        "    from redis import asyncio\n"
        "    return importlib.import_module('s3fs')\n"
    )
    assert set(imports(path)) == {
        *("numpy.linalg", "pagemesh.ocr.v1.ocr_service_pb2", "redis", "s3fs"),
    }

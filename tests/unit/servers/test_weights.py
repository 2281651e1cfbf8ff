"""What is shipped as weights: little, and each file with where it is from."""

import hashlib
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[3] / "servers"
MOST_BYTES = 60_000_000
NETWORKS = sorted(SERVERS.glob("*/weights/**/*.onnx"))


def test_all_weights_together_are_small() -> None:
    folders = [folder for folder in SERVERS.glob("*/weights") if folder.is_dir()]
    assert len(folders) == 5
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_each_network_has_its_digest_beside_it(path: Path) -> None:
    folder = weights_folder(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    told = [folder / "README.md", folder / "SHA256SUMS"]
    lines = [
        line for file in told if file.is_file() for line in file.read_text("utf-8").splitlines()
    ]
    assert any(digest in line and path.name in line for line in lines), (
        f"{folder / 'README.md'} does not say that the SHA-256 of {path.name} is {digest}"
    )


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_each_network_has_a_licence_a_source_and_the_command_that_makes_it(path: Path) -> None:
    folder = weights_folder(path)
    text = (folder / "README.md").read_text("utf-8")
    server = folder.parent.name
    assert path.name in text
    assert "Apache" in text
    assert any(source in text for source in ("github.com", "PyPI", "codeforamerica"))
    assert f"python -m training.{server}" in text or f"servers.{server}.prepare_weights" in text


def weights_folder(path: Path) -> Path:
    """The `weights` folder that holds a file."""
    return next(parent for parent in path.parents if parent.name == "weights")

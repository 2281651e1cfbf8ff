"""Dockerfiles are clean, alike, and install what is locked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lock_images import FOLDER, faults
from scripts.manifests.environment import CONFIGS
from scripts.manifests.images import dockerfile

ROOT = Path(__file__).parents[3]
NOUNS = sorted(CONFIGS)


def test_hadolint_finds_nothing() -> None:
    files = [str(dockerfile(noun)) for noun in NOUNS]
    hadolint, config = Path(sys.executable).with_name("hadolint"), ROOT / ".hadolint.yaml"
    command = [str(hadolint), "--config", str(config)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.in")), ids=lambda path: path.stem)
def test_the_lock_is_fresh(path: Path) -> None:
    assert faults(path) == []


def test_a_stale_lock_is_seen(tmp_path: Path) -> None:
    asked = tmp_path / "sidecar.in"
    asked.write_text((FOLDER / "sidecar.in").read_text() + "tenacity\n")
    lock = (FOLDER / "sidecar.lock").read_text()
    version = re.search(r"^uvloop==(\S+)", lock, re.MULTILINE)
    assert version is not None
    lock = lock.replace(f"uvloop=={version[1]}", "uvloop==0.20.0")
    asked.with_suffix(".lock").write_text(
        re.sub(r"(hpack==\S+) \\\n(?: +--hash.*\n)+", r"\1\n", lock)
    )
    told = faults(asked)
    assert [re.split(r": |<", line)[1] for line in told] == [
        "hpack has no hash",
        "uvloop",
        "tenacity",
    ]


@pytest.mark.parametrize("noun", NOUNS)
def test_the_image_runs_its_deployable_as_nobody(noun: str) -> None:
    text = dockerfile(noun).read_text()
    module = "servers." + noun if "servers" in dockerfile(noun).parts else noun
    assert f'ENTRYPOINT ["python", "-m", "{module}"]' in text
    assert "\nUSER 10001:10001\n" in text
    assert f'org.opencontainers.image.title="pagemesh {noun}"' in text
    copied = {path.rstrip("/") for path in re.findall(r"^COPY (\S+) \1/?$", text, re.MULTILINE)}
    assert all((ROOT / path).exists() for path in copied)
    (lock,) = re.findall(r"^ARG LOCK=(\S+)$", text, re.MULTILINE)
    assert (FOLDER / f"{lock}.lock").is_file()

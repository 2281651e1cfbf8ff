"""Locks what images install: docker/*.in with setup.cfg's ranges, to docker/*.lock with hashes.

`python -m scripts.lock_images` resolves anew; `--check` asks no index: it fails when a lock lacks a
name, has a version out of range, or a line without a hash.
"""

import configparser
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docker"
BUILD_RANGES = ("cyclonedx-bom>=7,<8", "setuptools>=80,<83")
_PYTHON = "3.11"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def ranges() -> dict[str, Requirement]:
    """Every dependency of setup.cfg by its name, extras' as well, and the build's."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    told = [line for text in lines for line in text.splitlines() if line and line[0] != "#"]
    found: dict[str, Requirement] = {}
    for line in (*told, *BUILD_RANGES):
        requirement = Requirement(line)
        found.setdefault(canonicalize_name(requirement.name), requirement)
    return found


def wanted(path: Path) -> list[Requirement]:
    """The names of a docker/*.in with their ranges. Raises KeyError for one that has none."""
    names = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    known, made = ranges(), []
    for asked in map(Requirement, names):
        specifier = known[canonicalize_name(asked.name)].specifier
        extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
        made.append(Requirement(f"{asked.name}{extras}{specifier}"))
    return made


def lock(path: Path) -> None:
    """Resolve one docker/*.in into the .lock beside it."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as asked:
        asked.write("\n".join(map(str, wanted(path))))
        asked.flush()
        subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "compile", asked.name, "--quiet"),
                *("--generate-hashes", "--universal", "--python-version", _PYTHON),
                *("--no-annotate", "--no-emit-index-url", "--no-header"),
                *("--output-file", str(path.with_suffix(".lock"))),
            ],
            check=True,
        )


def faults(path: Path) -> list[str]:
    """What is wrong with the lock of a docker/*.in, a line each."""
    locked = path.with_suffix(".lock")
    if not locked.is_file():
        return [f"{locked.name} is not there"]
    found: dict[str, str] = {}
    wrong = []
    for name, version, rest in _PINNED.findall(locked.read_text()):
        found[canonicalize_name(name)] = version
        if "--hash=sha256:" not in rest:
            wrong.append(f"{locked.name}: {name} has no hash")
    for requirement in wanted(path):
        version = found.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{locked.name}: {requirement} is locked to {version}")
    return wrong


def main() -> int:
    """Exits 1 when `--check` finds something."""
    files = sorted(FOLDER.glob("*.in"))
    if "--check" not in sys.argv[1:]:
        for path in files:
            lock(path)
    wrong = [line for path in files for line in faults(path)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m scripts.images [NOUN...]`: build images; all of them when none is named.

Variables: IMAGE_TAG (the package's version), LOCK=model-cuda for models with CUDA, whose images are
then called NOUN-cuda.
"""

import configparser
import os
import subprocess
import sys
import time

from infra.containers import ROOT, base_image, build
from infra.downloads import ServiceError
from scripts.manifests.environment import CONFIGS
from scripts.manifests.images import dockerfile


def version() -> str:
    """The package's version."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config["metadata"]["version"]


def revision() -> str:
    """The commit that is built; empty outside of git."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def build_all(nouns: list[str], tag: str, lock: str = "") -> list[str]:
    """Build these images; their names. Raises ServiceError."""
    arguments = {"BASE": base_image(), "VERSION": version(), "REVISION": revision()}
    if lock:
        arguments["LOCK"] = lock
    names = []
    for noun in nouns:
        began = time.monotonic()
        name = f"{noun}-cuda" if lock.endswith("-cuda") else noun
        names.append(build(name, dockerfile(noun), tag, arguments))
        print(f"{names[-1]}  {time.monotonic() - began:.0f} s", flush=True)
    return names


def main() -> int:
    """Exits 1 when an image cannot be built."""
    try:
        tag = os.environ.get("IMAGE_TAG") or version()
        build_all(sys.argv[1:] or sorted(CONFIGS), tag, os.environ.get("LOCK", ""))
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

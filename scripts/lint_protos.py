"""Lint the contracts with buf, offline.

buf resolves imports from modules it would have to download; protoc finds googleapis in the
installed packages, so protoc builds the image and buf lints that.
"""

import subprocess
import tempfile
from pathlib import Path

from grpc_tools import protoc

from scripts.generate_stubs import PROTOS, ROOT, include_flags


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        sources = sorted(map(str, PROTOS.rglob("*.proto")))
        flags = ["--include_imports", "--include_source_info", f"--descriptor_set_out={image}"]
        if protoc.main(["protoc", *include_flags(), *flags, *sources]):
            raise SystemExit("protoc failed")
        result = subprocess.run(
            ["buf", "lint", str(image), "--config", str(ROOT / "buf.yaml")], check=False
        )
    if result.returncode:
        raise SystemExit(result.returncode)
    print(f"{len(sources)} contracts pass buf lint STANDARD and COMMENTS")


if __name__ == "__main__":
    main()

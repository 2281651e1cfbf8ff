"""Generate the Python stubs of every contract under `pagemesh/`.

Usage: python -m scripts.generate_stubs [--check]

Messages come from every .proto, gRPC code only from `*_service.proto`. With `--check` nothing is
written: the command fails when the committed stubs differ from fresh ones.
"""

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.api import field_behavior_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")


def include_flags() -> list[str]:
    """Where protoc finds our protos, googleapis' and protobuf's own."""
    googleapis = Path(str(field_behavior_pb2.__file__)).parent.parent.parent
    return [f"-I{PROTOS}", f"-I{googleapis}", f"-I{files('grpc_tools') / '_proto'}"]


def generate(target: Path) -> None:
    protos = sorted(PROTOS.rglob("*.proto"))
    services = [p for p in protos if p.name.endswith("_service.proto")]
    messages = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    stubs = [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet,only_async:{target}"]
    for flags, sources in ((messages, protos), (stubs, services)):
        if protoc.main(["protoc", *include_flags(), *flags, *map(str, sources)]):
            raise SystemExit("protoc failed")
    # Without them the import linter does not see the stubs.
    for package in {p.parent.relative_to(PROTOS) for p in protos}:
        for folder in (package, package.parent):
            (target / folder / "__init__.py").touch()


def read_stubs(root: Path) -> dict[Path, bytes]:
    base = root / "pagemesh"
    stubs = {p for pattern in GENERATED for p in base.rglob(pattern)}
    folders = {p.parent for p in stubs} | {p.parent.parent for p in stubs}
    packages = {f / "__init__.py" for f in folders if (f / "__init__.py").exists()}
    return {p.relative_to(root): p.read_bytes() for p in stubs | packages}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh, committed = read_stubs(Path(scratch)), read_stubs(ROOT)
    stale = sorted(p for p in fresh | committed if fresh.get(p) != committed.get(p))
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit("stale stubs, run `make protos`:\n" + "\n".join(map(str, stale)))
        print(f"{len(committed)} stubs are fresh")
        return
    for path in stale:
        if path in fresh:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(fresh[path])
        else:
            (ROOT / path).unlink()
    print(f"{len(fresh)} stubs, {len(stale)} of them changed")


if __name__ == "__main__":
    main()

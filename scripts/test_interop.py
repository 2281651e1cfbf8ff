"""The sidecar between programs of other implementations: gRPC's own interoperability client and
server in Go, grpcurl, and h2spec, each built from the Go module proxy. Needs Go 1.24 or newer.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.service import free_port, wait_for_port

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / "var" / "interop"
PACKAGES = {
    "client": "google.golang.org/grpc/interop/client@v1.85.0",
    "server": "google.golang.org/grpc/interop/server@v1.85.0",
    "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4",
    "h2spec": "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible",
}
CASES = (
    *("empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong"),
    *("empty_stream", "timeout_on_sleeping_server", "cancel_after_begin"),
    *("cancel_after_first_response", "status_code_and_message", "special_status_message"),
    *("custom_metadata", "unimplemented_method", "unimplemented_service"),
)
H2SPEC_KNOWN = "Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE"
"""h2spec sends 20 KB and takes for granted that no more than 16 KB are allowed; we allow more."""
SECONDS = 60


def main() -> None:
    if shutil.which("go") is None:
        raise SystemExit("test-interop: Go is not installed; it builds the other implementations")
    tools = {name: _built(name, package) for name, package in PACKAGES.items()}
    results: list[tuple[str, bool]] = []
    with _go_server(tools["server"]) as model, _sidecar(model) as port:
        results += _go_client(tools["client"], model, port)
        results.append(_python_client(model))
        results.append(_h2spec(tools["h2spec"], port))
    with _page_model() as model, _sidecar(model) as port:
        results += _grpcurl(tools["grpcurl"], port)
    for name, passed in results:
        print(f"{'passed' if passed else 'FAILED'}  {name}")
    failed = sum(not passed for _, passed in results)
    print(f"{len(results) - failed} of {len(results)} passed")
    raise SystemExit(1 if failed else 0)


def _built(name: str, package: str) -> Path:
    program = TOOLS / name
    if not program.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        environ = os.environ | {"GOBIN": str(TOOLS)}
        subprocess.run(["go", "install", package], check=True, env=environ)
    return program


def _go_client(program: Path, model: int, port: int) -> Iterator[tuple[str, bool]]:
    for case in CASES:
        for where, to in (("directly", model), ("through the sidecar", port)):
            options = ["--server_host=127.0.0.1", f"--server_port={to}", f"--test_case={case}"]
            yield f"Go client, {case}, {where}", _succeeds([program, *options])


def _python_client(model: int) -> tuple[str, bool]:
    environ = {"INTEROP_SERVER": f"127.0.0.1:{model}"}
    suite = "tests/integration/sidecar/interop"
    passed = _succeeds([sys.executable, "-m", "pytest", "-q", suite], environ)
    return "Python's cases against the Go server, directly and through the sidecar", passed


def _grpcurl(program: Path, port: int) -> Iterator[tuple[str, bool]]:
    """Whatever it knows of a model, it knows by the model's reflection, through the sidecar."""
    address = f"127.0.0.1:{port}"
    check = "grpc.health.v1.Health/Check"
    asks: dict[str, list[str]] = {
        "list": [address, "list"],
        "describe": [address, "describe", "pagemesh.deskew.v1.DeskewService"],
        "the model's health": ["-d", '{"service": ""}', address, check],
        "the proxy's own health": ["-d", '{"service": "pagemesh.sidecar"}', address, check],
    }
    for name, ask in asks.items():
        yield f"grpcurl, {name}", _succeeds([program, "-plaintext", *ask])


def _h2spec(program: Path, port: int) -> tuple[str, bool]:
    command = [str(program), "-h", "127.0.0.1", "-p", str(port), "-o", "2"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    total = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", done.stdout)
    known = H2SPEC_KNOWN in done.stdout.partition("Failures:")[2]
    if total is None:
        return "h2spec", False
    tests, passed, skipped, failed = map(int, total.groups())
    name = f"h2spec, {passed} of {tests}, {skipped} skipped, {int(known)} known to be its own"
    return name, failed - known == 0 and not skipped


def _succeeds(command: list[str | Path], environ: dict[str, str] | None = None) -> bool:
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
        env=os.environ | (environ or {}),
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
    return not done.returncode


@contextmanager
def _go_server(program: Path) -> Iterator[int]:
    port = free_port()
    with _process([str(program), f"--port={port}"], {}):
        wait_for_port(port)
        yield port


@contextmanager
def _page_model() -> Iterator[int]:
    port = free_port()
    with _process([sys.executable, "-m", "servers.deskew"], {"PAGEMESH_DESKEW_PORT": str(port)}):
        wait_for_port(port)
        yield port


@contextmanager
def _sidecar(model: int) -> Iterator[int]:
    port = free_port()
    variables = {
        "PAGEMESH_SIDECAR_LISTEN": f"127.0.0.1:{port}",
        "PAGEMESH_SIDECAR_UPSTREAM": f"127.0.0.1:{model}",
        "PAGEMESH_SIDECAR_WAIT_SECONDS": "20",
    }
    with _process([sys.executable, "-m", "sidecar"], variables):
        wait_for_port(port)
        yield port


@contextmanager
def _process(command: list[str], variables: dict[str, str]) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    environ = os.environ | variables
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environ, cwd=ROOT) as process:
        try:
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    main()

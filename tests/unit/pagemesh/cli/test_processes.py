"""`serve`, `doctor`, and the parts of `up` that need no models."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from meshkit.errors import Conflict, DependencyUnavailable
from pagemesh.cli.doctor import Finding, Mark, _weight
from pagemesh.local_mesh import DEFAULT_PORTS, LocalMesh, last_words
from pagemesh.local_mesh.ports import find_ports
from pagemesh.threads import with_thread_defaults


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pagemesh.cli", *arguments]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGEMESH_STATE_DIR", str(tmp_path / "state"))


def test_doctor_tells_what_is_there() -> None:
    done = subprocess.run(command("doctor"), capture_output=True, text=True, check=False)
    for word in ("Python", "grpcio", "ONNX Runtime", "tesseract", "ocr weights", "ports"):
        assert word in done.stdout
    assert done.returncode in {0, 1}
    assert ("wrong" in done.stdout) == (done.returncode == 1)


def test_doctor_knows_weights_that_are_not_the_released_ones(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"weights")
    assert _weight("ocr", file).mark is Mark.FINE
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  net.onnx\n")
    assert _weight("ocr", file).mark is Mark.WRONG
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert _weight("ocr", file) == Finding(
        Mark.WRONG, "ocr weights", "net.onnx is a pointer", "git lfs pull"
    )


def test_serve_becomes_the_server(tmp_path: Path) -> None:
    environ = {**os.environ, "PAGEMESH_ORCHESTRATOR_STATE_DIR": str(tmp_path / "documents")}
    with subprocess.Popen(
        command("serve", "orchestrator", "--port", "0"),
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as server:
        try:
            assert server.stdout is not None
            lines = (json.loads(line) for line in server.stdout)
            assert any(line["message"] == "serving" for line in lines)
            assert psutil.Process(server.pid).cmdline()[1:] == ["-m", "orchestrator"]
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
        finally:
            server.kill()


def test_serve_refuses_what_is_no_service() -> None:
    done = subprocess.run(command("serve", "tables"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'tables' is not one of" in done.stderr


def test_up_refuses_a_demo_that_is_not_there() -> None:
    done = subprocess.run(
        command("up", "--demo", "nothing.pdf"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no file nothing.pdf" in done.stderr


async def test_a_port_that_was_asked_for_and_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DependencyUnavailable, match=f"port {port} is taken"):
            await LocalMesh(tmp_path, port, lambda _: None).__aenter__()


async def test_a_folder_in_which_another_mesh_works(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another mesh works in"):
            await LocalMesh(tmp_path, None, lambda _: None).__aenter__()


def test_ports_are_the_usual_ones_or_others_that_are_free() -> None:
    first = list(find_ports(None).values())
    assert len(set(first)) == len(DEFAULT_PORTS)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first[0]))
        other.listen()
        second = list(find_ports(None).values())
        assert second[0] != first[0]
        assert len(set(second)) == len(DEFAULT_PORTS)


def test_a_process_ends_with_its_parent() -> None:
    child = (
        "import subprocess, sys, os, time\n"
        "tethered = subprocess.Popen([sys.executable, '-m', 'pagemesh.tethered',"
        " str(os.getpid()), 'http.server', '0'], stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL)\n"
        "time.sleep(1)\n"
        "print(tethered.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    deadline = time.monotonic() + 60
    while _lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_last_words_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "ocr.log"
    error = {"level": "ERROR", "message": "cannot start", "exception": "Trace\nOSError: no weights"}
    log.write_text(f"{json.dumps(error)}\n{json.dumps({'level': 'INFO', 'message': 'stopped'})}\n")
    assert last_words(log) == "cannot start: OSError: no weights"
    log.write_text("bad configuration, 1 mistake:\n  PAGEMESH_OCR_PORT='x': not a number.\n")
    assert last_words(log) == ("bad configuration, 1 mistake: PAGEMESH_OCR_PORT='x': not a number.")
    log.write_text("")
    assert last_words(log) == ""


def test_threads_are_shared_out_unless_somebody_has_said_so() -> None:
    shared = with_thread_defaults({"PAGEMESH_DESKEW_INTRA_OP_THREADS": "7"}, ("deskew", "ocr"))
    assert shared["PAGEMESH_DESKEW_INTRA_OP_THREADS"] == "7"
    assert shared["PAGEMESH_OCR_INTRA_OP_THREADS"] == str(len(os.sched_getaffinity(0)))

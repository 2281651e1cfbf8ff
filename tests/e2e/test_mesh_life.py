"""How the processes of a mesh live and end."""

import contextlib
import signal
import threading

import psutil
import pytest

from pagemesh import Client
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.e2e.conftest import SAMPLES, Command, Mesh, log_entries, settled, wait_until_gone

MODELS = ("deskew", "classify", "ocr", "checkbox", "signature")
EVERYBODY = {"orchestrator", "gateway", *MODELS, *(f"{model}-sidecar" for model in MODELS)}

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(600)]


def test_the_dead_are_started_again_and_ctrl_c_ends_everything_in_order(
    command: Command,
) -> None:
    folder = command.state / "life"
    mesh = Mesh(command, "--state-dir", str(folder))
    try:
        services = mesh.services()
        assert set(services) == EVERYBODY
        for name in ("ocr", "deskew-sidecar"):
            services[name].kill()
        assert wait_until_gone([services["ocr"], services["deskew-sidecar"]]) == []
        with Client(mesh.address) as client:
            for _ in settled(60):
                (page,) = client.analyze(SAMPLES / "receipt.jpg", pipeline="text").collect().pages
                if page.outcome == documents.PAGE_OUTCOME_OK:
                    break
                assert "ocr" in page.reason or "deskew" in page.reason
        assert page.outcome == documents.PAGE_OUTCOME_OK
        living = list(mesh.services().values())
        assert len(living) == len(EVERYBODY)
        assert mesh.stop(signal.SIGINT) == 0
        assert wait_until_gone(living) == []
    finally:
        mesh.process.kill()
    stopped = {
        name: [e["time"] for e in log_entries(folder, name) if e["message"] == "stopped"][-1]
        for name in EVERYBODY
    }
    assert sorted(stopped, key=lambda name: stopped[name])[:2] == ["gateway", "orchestrator"]
    for model in MODELS:
        assert stopped[model] <= stopped[f"{model}-sidecar"]


def test_nothing_outlives_a_mesh_that_is_killed(command: Command) -> None:
    mesh = Mesh(command, "--state-dir", str(command.state / "killed"))
    living = list(mesh.services().values())
    assert len(living) == len(EVERYBODY)
    mesh.stop(signal.SIGKILL)
    assert wait_until_gone(living) == []


def test_a_demo_can_be_all(command: Command) -> None:
    document = str(SAMPLES / "wrong_type.png")
    arguments = ["up", "--demo", document, "--exit-after-demo"]
    before = set(psutil.pids())
    done = command.run(*arguments, "--state-dir", str(command.state / "demo"))
    assert done.returncode == 0, done.stderr
    assert "1 skipped" in done.stdout
    assert "Traceback" not in done.stderr
    left = [arguments for arguments in _started_since(before) if "pagemesh.tethered" in arguments]
    assert left == []


def _started_since(before: set[int]) -> list[list[str]]:
    """The arguments of every process that is newer than `before` and runs."""
    found = []
    for pid in set(psutil.pids()) - before:
        # Gone meanwhile, or dead and not yet reaped: neither runs.
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid).cmdline())
    return found


def test_ctrl_c_while_it_starts(command: Command) -> None:
    process = command.start("up", "--state-dir", str(command.state / "early"))
    for _ in settled():
        if len(psutil.Process(process.pid).children()) == len(EVERYBODY):
            break
    living = psutil.Process(process.pid).children()
    threading.Timer(0.2, process.send_signal, [signal.SIGINT]).start()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert wait_until_gone(living) == []
    assert "Traceback" not in said

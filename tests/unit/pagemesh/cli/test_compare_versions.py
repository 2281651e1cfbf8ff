"""`pagemesh compare-versions` against two servers that play scripts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meshkit.testing import running_server
from pagemesh.cli.app import app
from pagemesh.loop import LoopThread
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from tests.unit.pagemesh import results
from tests.unit.pagemesh.scripted import ScriptedOrchestrator


@contextlib.contextmanager
def serving(loop: LoopThread, *pages: PageResult) -> Iterator[str]:
    scripted = ScriptedOrchestrator(list(pages), results.document(*pages, source="form.png"))
    running = running_server(scripted)
    yield loop.run(running.__aenter__()).address
    loop.run(running.__aexit__(None, None, None))


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("test-servers")
    yield loop
    loop.close()


@pytest.fixture
def form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGEMESH_STATE_DIR", str(tmp_path / "state"))
    Path("form.png").write_bytes(b"never read here")
    return "form.png"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare-versions", *arguments], catch_exceptions=False)


def test_two_that_agree(loop: LoopThread, form: str) -> None:
    pages = [results.page_result(number) for number in (1, 2)]
    with serving(loop, *pages) as one, serving(loop, *pages) as other:
        done = run(form, "--server", one, "--server", other)
    assert (done.exit_code, done.stdout) == (0, "2 pages compared, 0 differ\n")


def test_two_that_differ_on_one_page_of_two(loop: LoopThread, form: str) -> None:
    pages = [results.page_result(number) for number in (1, 2)]
    changed = results.page_result(2)
    changed.classify.label = "letter"
    changed.fields.add(name="Date", value="2024-03-31")
    with serving(loop, *pages) as one, serving(loop, pages[0], changed) as other:
        servers = ("--server", one, "--server", other)
        done = run(form, *servers)
        allowed = run(form, *servers, "--allow", "50")
        forbidden = run(form, *servers, "--allow", "49")
    first, *lines = done.stdout.splitlines()
    assert first.startswith("form.png page 2")
    assert "  field Date added: '2024-03-31'" in lines
    assert any(line.startswith("  class changed: ") for line in lines)
    assert lines[-1] == "2 pages compared, 1 differ: 1 added, 1 changed"
    assert (done.exit_code, allowed.exit_code, forbidden.exit_code) == (1, 0, 1)


def test_a_page_that_one_did_not_give(loop: LoopThread, form: str) -> None:
    pages = [results.page_result(number) for number in (1, 2)]
    with serving(loop, *pages) as one, serving(loop, pages[0]) as other:
        done = run(form, "--server", one, "--server", other)
    assert "page missing: read" in done.stdout
    assert done.exit_code == 1


def test_versions_are_told(loop: LoopThread, form: str) -> None:
    old, new = results.page_result(1), results.page_result(1)
    for page, version in ((old, "0.1.0"), (new, "0.2.0")):
        step = page.steps.add(step="reading")
        step.model.name, step.model.version = "reader", version
    new.classify.label = "letter"
    with serving(loop, old) as one, serving(loop, new) as other:
        done = run(form, "--server", one, "--server", other)
    assert done.stdout.startswith("form.png page 1 (reader 0.1.0 -> reader 0.2.0)\n")


def test_one_server_is_a_wrong_command(form: str) -> None:
    assert run(form, "--server", "127.0.0.1:1").exit_code == 2


def test_a_server_that_is_not_there(loop: LoopThread, form: str) -> None:
    page = results.page_result(1)
    with serving(loop, page) as one:
        done = run(form, "--server", one, "--server", "127.0.0.1:1")
    assert done.exit_code == 1
    assert "form.png" in done.stderr

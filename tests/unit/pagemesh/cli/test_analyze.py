"""`pagemesh analyze` and `pagemesh pipelines` against a real server that plays a script."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from google.protobuf import json_format
from typer.testing import CliRunner, Result

from meshkit.errors import InvalidDocument
from meshkit.testing import running_server
from pagemesh.cli.app import app
from pagemesh.loop import LoopThread
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import GetDocumentResponse
from tests.unit.pagemesh import results
from tests.unit.pagemesh.scripted import ScriptedOrchestrator


@pytest.fixture
def orchestrator() -> ScriptedOrchestrator:
    pages = [results.page_result(number) for number in (2, 1)]
    return ScriptedOrchestrator(pages, results.document(*pages, source="form.png"))


@pytest.fixture
def server(orchestrator: ScriptedOrchestrator) -> Iterator[str]:
    loop = LoopThread("test-server")
    running = running_server(orchestrator)
    yield loop.run(running.__aenter__()).address
    loop.run(running.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document in the current folder, which is empty otherwise."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PAGEMESH_STATE_DIR", str(tmp_path / "state"))
    path = folder / "form.png"
    path.write_bytes(b"never read here")
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


def process(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pagemesh.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **settings},
    )


def test_the_view_for_people(server: str, form: Path) -> None:
    done = run("analyze", form.name, "--server", server)
    assert done.exit_code == 0
    assert done.stdout.index("Page 1 application_form") < done.stdout.index("Page 2")
    assert "form.png  succeeded  2 pages: 2 ok" in done.stdout
    assert done.stderr == ""


def test_pages_that_were_not_wanted_are_told_together(
    server: str, form: Path, orchestrator: ScriptedOrchestrator
) -> None:
    skipped = documents.PAGE_OUTCOME_SKIPPED
    orchestrator.pages = [results.unread_page(n, skipped, "not wanted") for n in (4, 2, 1, 6)]
    orchestrator.pages += [results.unread_page(5, skipped, "another"), results.page_result(3)]
    text = run("analyze", form.name, "--server", server).stdout
    lines = [line for line in text.splitlines() if "skipped: " in line]
    assert lines == [
        "Pages 1 to 2  skipped: not wanted",
        "Page 4  skipped: not wanted",
        "Page 5  skipped: another",
        "Page 6  skipped: not wanted",
    ]
    assert text.index(lines[0]) < text.index("Page 3 application_form") < text.index(lines[1])


def test_json_is_canonical(server: str, form: Path, orchestrator: ScriptedOrchestrator) -> None:
    done = run("analyze", form.name, "--server", server, "--output", "json")
    whole = json_format.Parse(done.stdout, GetDocumentResponse())
    assert whole.document == orchestrator.final
    assert list(whole.pages) == orchestrator.pages[::-1]


def test_options_reach_the_service(
    server: str, form: Path, orchestrator: ScriptedOrchestrator
) -> None:
    arguments = ["--pipeline", "text", "--pages", "2", "--dpi", "300", "--password", "x"]
    options = ["--option", "ocr.tier=fast", "--option", "ocr.languages=en=us", "--timeout", "9"]
    run("analyze", form.name, "--server", server, *arguments, *options)
    spec = orchestrator.specs[0]
    assert (spec.pipeline, spec.pages, spec.dpi, spec.password) == ("text", "2", 300, "x")
    assert dict(spec.options) == {"ocr.tier": "fast", "ocr.languages": "en=us"}
    assert spec.timeout.seconds == 9
    assert orchestrator.contents == [form.read_bytes()]


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("json", "form.json"),
        ("text", "form.txt"),
        ("markdown", "form.md"),
        ("hocr", "form.hocr"),
        ("alto", "form.alto.xml"),
    ],
)
def test_a_file_or_a_folder_takes_the_result(
    server: str, form: Path, output: str, name: str
) -> None:
    on_screen = run("analyze", form.name, "--server", server, "--output", output).stdout
    place = ["--server", server, "--output", output, "--out"]
    assert run("analyze", form.name, *place, "there/").exit_code == 0
    assert run("analyze", form.name, *place, "one.file").exit_code == 0
    assert run("analyze", form.name, *place, "-").stdout == on_screen
    assert Path("there", name).read_text() == on_screen
    assert Path("one.file").read_text() == on_screen


def test_several_documents_make_several_files(server: str, form: Path) -> None:
    Path("other.png").write_bytes(b"x")
    arguments = ["--server", server, "--output", "json", "--out", "results"]
    done = run("analyze", form.name, "other.png", *arguments)
    assert done.exit_code == 0
    assert sorted(path.name for path in Path("results").iterdir()) == ["form.json", "other.json"]


def test_pictures_go_to_files_beside(
    server: str, form: Path, orchestrator: ScriptedOrchestrator
) -> None:
    page = results.page_result()
    write_png(form, page)
    orchestrator.pages, orchestrator.final = [page], results.document(page)
    done = run("analyze", form.name, "--server", server, "--output", "pdf")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    with pypdfium2.PdfDocument(form.parent / "form.searchable.pdf") as pdf:
        assert "Application for Passport" in pdf[0].get_textpage().get_text_range()
    assert run("analyze", form.name, "--server", server, "--output", "overlay").exit_code == 0
    assert (form.parent / "form.page-001.png").read_bytes().startswith(b"\x89PNG")
    assert not list(form.parent.glob(".*"))


def write_png(path: Path, page: documents.PageResult) -> None:
    import cv2  # noqa: PLC0415 - this test alone needs it

    cv2.imwrite(str(path), results.page_image(page))


def test_a_picture_is_not_for_a_terminal(server: str, form: Path) -> None:
    controller, terminal = pty.openpty()
    arguments = ["analyze", form.name, "--server", server, "--output", "pdf", "--out", "-"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pagemesh.cli", *arguments],
            stdout=terminal,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert done.returncode == 2
    assert b"pdf is no text for a terminal" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.pdf"], "there is no file nothing.pdf"),
        (["form.png", "--out", "x"], "say what to write there, with --output"),
        (["form.png", "--output", "word"], "'word' is not one of"),
        (["form.png", "--option", "fast"], "'fast' is not STEP.NAME=VALUE"),
        (["form.png", "--dpi", "-3"], "--dpi"),
        (["https://host/a.pdf", "--output", "pdf"], "is not on this machine"),
        (["form.png", "--output", "overlay", "--out", "-"], "name a folder"),
        (["form.png", "--output", "overlay", "--out", "page.png"], "name a folder"),
        (
            ["form.png", "form.png", "--output", "json", "--out", "d"],
            "two documents are named form",
        ),
        (["form.png", "--output", "json", "--out", "form.png"], "is the document itself"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_command_is_refused_before_any_work(
    form: Path, orchestrator: ScriptedOrchestrator, arguments: list[str], said: str
) -> None:
    done = run("analyze", *arguments, "--server", "127.0.0.1:1")
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert form.read_bytes() == b"never read here"


def test_an_error_is_one_line(server: str, form: Path, orchestrator: ScriptedOrchestrator) -> None:
    orchestrator.error = InvalidDocument("the PDF is protected:\ngive its password")
    done = process("analyze", form.name, "--server", server)
    assert done.returncode == 1
    assert done.stderr == "pagemesh: form.png: the PDF is protected: give its password\n"


def test_one_bad_document_does_not_stop_the_others(
    server: str, form: Path, orchestrator: ScriptedOrchestrator
) -> None:
    orchestrator.final.state = documents.DOCUMENT_STATE_PARTIAL
    orchestrator.final.pages.failed = 1
    orchestrator.pages[0].outcome = documents.PAGE_OUTCOME_FAILED
    orchestrator.pages[0].reason = "page 2: the ocr model is down"
    Path("other.png").write_bytes(b"x")
    arguments = ["--server", server, "--output", "text"]
    done = process("analyze", form.name, "other.png", *arguments)
    assert done.returncode == 1
    assert len(orchestrator.specs) == 2
    assert done.stdout.count("Application for Passport") == 4
    assert done.stderr.splitlines() == [
        f"pagemesh: {name}: 1 of 2 pages failed; page 2 failed: the ocr model is down"
        for name in ("form.png", "other.png")
    ]


def test_no_orchestrator_there(form: Path, unused_tcp_port: int) -> None:
    done = process("analyze", form.name, PAGEMESH_SERVER=f"127.0.0.1:{unused_tcp_port}")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("pagemesh: form.png: no orchestrator answers at 127.0.0.1:")


def test_a_result_that_cannot_be_written(server: str, form: Path) -> None:
    Path("locked").mkdir()
    done = run("analyze", form.name, "--server", server, "--output", "json", "--out", "/proc/x")
    assert done.exit_code == 1
    assert "cannot write the result" in done.stderr


def test_ctrl_c_stops_in_good_order(
    server: str, form: Path, orchestrator: ScriptedOrchestrator
) -> None:
    orchestrator.hold = True
    command = [sys.executable, "-m", "pagemesh.cli", "analyze", form.name, "--server", server]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as working:
        deadline = time.monotonic() + 60
        while not orchestrator.contents:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        working.send_signal(signal.SIGINT)
        _, said = working.communicate(timeout=60)
    assert working.returncode == 130
    assert said.startswith("pagemesh: stopping;")
    assert "Traceback" not in said
    while not orchestrator.left.is_set():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_is_drawn_into_a_pipe(server: str, form: Path) -> None:
    done = process("analyze", form.name, "--server", server, "--output", "json")
    assert json.loads(done.stdout)["document"]["source"] == "form.png"
    assert done.stderr == ""


def test_pipelines_are_listed(server: str, form: Path) -> None:
    done = run("pipelines", "--server", server)
    assert done.exit_code == 0
    assert "text (default)" in done.stdout
    assert "ocr ← deskew" in done.stdout
    assert "a in [b]" in done.stdout

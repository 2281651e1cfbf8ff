"""`pagemesh trace`."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pagemesh.cli.trace_view import trace_view
from pagemesh.local_mesh import SPANS_FILE
from pagemesh.traces.span import KeptSpan
from pagemesh.traces.store import SpanStore, Way
from tests.unit.pagemesh.traces.spans import OTHER_TRACE, TRACE, call, document, span


def spans() -> list[KeptSpan]:
    """A page: deskew failed once and was asked again; OCR was not needed."""
    whole = document()
    page = span(
        "page",
        2,
        1,
        start=0,
        end=10,
        events=(
            (
                "pagemesh.step.skipped",
                {"pagemesh.step.name": "ocr", "pagemesh.step.reason": "`a > 1` is false (a = 0)"},
            ),
        ),
        pagemesh__page__number=1,
        pagemesh__page__wait__duration=2.5,
    )
    step = span(
        "step preread",
        4,
        2,
        start=1,
        end=9,
        pagemesh__model__name="ocr",
        pagemesh__model__version="1.0.0",
        pagemesh__device="cpu",
        pagemesh__queue__duration=1.25,
        pagemesh__inference__duration=5.5,
        pagemesh__batch__size=3,
    )
    batch = span(
        "predict",
        30,
        8,
        trace=OTHER_TRACE,
        service="ocr",
        start=2,
        end=8,
        links=((TRACE, 23),),
        pagemesh__batch__size=3,
    )
    return [whole[0], page, step, *call(10, 4, 1, 2), *call(20, 4, 2, 9), batch]


def shown(*, width: int = 140, is_whole: bool = False) -> str:
    made = spans()
    console = Console(width=width, record=True, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(trace_view(Way("r1", made[0], made), width=width, is_whole=is_whole))
    return captured.get()


def test_a_step_and_its_call_are_one_line() -> None:
    text = shown()
    line = next(line for line in text.splitlines() if "preread" in line)
    for part in ("× 2", "ocr 1.0.0 cpu, batch of 3", "1.0 s", "8.0 s", "1.2 s", "5.5 s", "600 ms"):
        assert part in line
    assert "RecognizePage" not in text
    page = next(line for line in text.splitlines() if "page 1 " in line)
    assert "2.5 s" in page
    assert "page 1 without ocr: `a > 1` is false (a = 0)" in text
    assert "r1  succeeded  1 page: 1 ok, 0 failed, 0 skipped  pipeline text" in text
    assert "inference 5.5 s on cpu" in text


def test_all_spans_when_asked_for() -> None:
    text = shown(is_whole=True)
    assert text.count("RecognizePage") == 8
    assert "ocr, batch of 3, begun for another page" in text
    assert sum("█" in line or "▏" in line for line in text.splitlines()) == len(spans())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("is_whole", [False, True])
def test_lines_fit_the_screen(width: int, is_whole: bool) -> None:
    assert max(map(len, shown(width=width, is_whole=is_whole).splitlines())) <= width


def test_the_command_reads_what_the_mesh_kept(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / SPANS_FILE)
    store.add(spans())
    store.close()
    for arguments, expected in (
        (["r1"], "preread"),
        ([], "preread"),
        (["--list"], "succeeded"),
    ):
        done = command(*arguments, "--state-dir", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    done = command("nobody", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "pagemesh: there are no spans of request `nobody` here\n"


def test_no_mesh_ever_ran_there(tmp_path: Path) -> None:
    done = command("r1", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert "pagemesh up" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pagemesh.cli", "trace", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

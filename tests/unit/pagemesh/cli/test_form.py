"""`pagemesh form`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pagemesh.cli.app import app

BLANK = Path(__file__).parents[4] / "samples" / "forms" / "f15080-TY2021.pdf"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGEMESH_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def test_a_form_is_drafted_and_passes_its_check(folder: Path) -> None:
    made = CliRunner().invoke(app, ["form", "init", str(BLANK)])
    assert made.exit_code == 0, made.output
    assert "4 fields from the PDF's own fields" in made.output
    place = folder / "forms" / "f15080_ty2021"
    assert {path.name for path in place.iterdir()} == {
        "definition.yaml",
        "blank.pdf",
        "blank.words.json",
        "preview-1.png",
    }
    checked = CliRunner().invoke(app, ["form", "check", str(place / "definition.yaml")])
    assert checked.exit_code == 0, checked.output
    assert "f15080_ty2021 1.0.0" in checked.output
    assert "2 signature, 2 date" in checked.output


def test_every_mistake_is_a_line_and_an_exit_code(folder: Path) -> None:
    CliRunner().invoke(app, ["form", "init", str(BLANK), "--out", "f", "--name", "consent"])
    definition = folder / "f" / "definition.yaml"
    definition.write_text(definition.read_text().replace("type: date", "type: day"))
    checked = CliRunner().invoke(app, ["form", "check", "f"])
    assert checked.exit_code == 1
    assert checked.stderr.count("f/definition.yaml:") == 2
    assert "field `primary_consented_at`: type:" in checked.stderr


def test_a_definition_is_not_overwritten(folder: Path) -> None:
    (folder / "f").mkdir()
    (folder / "f" / "definition.yaml").write_text("name: mine\n")
    made = CliRunner().invoke(app, ["form", "init", str(BLANK), "--out", "f"])
    assert made.exit_code != 0
    assert (folder / "f" / "definition.yaml").read_text() == "name: mine\n"

"""The guide to pipelines, followed to the letter: a pipeline, and a step from another package."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.testing import FakeModel, running_orchestrator, tiff
from pagemesh.orchestrator.v1.document_pb2 import PAGE_OUTCOME_OK, PAGE_OUTCOME_SKIPPED

GUIDE = Path(__file__).parents[2] / "docs" / "adding-a-pipeline.md"


def guide_file(name: str) -> str:
    """A file's content as the guide shows it."""
    found = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    assert found, f"the guide shows no {name}"
    return found[1]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, built and installed by pip into a folder on the path."""
    project, site = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    for name in ("pyproject.toml", "pagemesh_darkness.py"):
        (project / name).write_text(guide_file(name))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(site), str(project)], check=True, timeout=100
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("installed")
async def test_plugged_in_step_runs_decides_and_answers(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "bright_pages.yaml").write_text(guide_file("bright_pages.yaml"))
    async with running_orchestrator(tmp_path, extra_pipelines_dir=folder) as running:
        bright = await running.analyze(tiff(1), pipeline="bright_pages")
        options = {"light.limit": "1.1"}
        dark = await running.analyze(tiff(1), pipeline="bright_pages", options=options)
        assert len(running.mesh["ocr"].pages) == 1

    page = bright.pages[1]
    assert page.outcome == PAGE_OUTCOME_OK
    assert page.extensions["light"]["mean"] == 1.0
    assert page.extensions["light"]["is_dark"] is False
    assert dark.pages[1].outcome == PAGE_OUTCOME_SKIPPED
    assert "`not light.is_dark` is false (light.is_dark = true, light.mean = 1)" in (
        dark.pages[1].reason
    )


async def test_pipeline_of_the_guide(tmp_path: Path) -> None:
    async def blurred(request: Any, _model: FakeModel) -> Any:
        result: Any = await sharp(request, _model)
        result.quality.blur = 0.81
        return result

    (tmp_path / "sharp_text.yaml").write_text(guide_file("sharp_text.yaml"))
    async with running_orchestrator(tmp_path, extra_pipelines_dir=tmp_path) as running:
        deskew = running.mesh["deskew"]
        sharp = deskew.answer
        assert (await running.analyze(tiff(1), pipeline="sharp_text")).document.pages.ok == 1
        deskew.answer = blurred
        found = await running.analyze(tiff(1), pipeline="sharp_text")
    reason = found.pages[1].reason
    told = "step `ocr` not needed: `deskew.quality.blur < 0.6` is false (deskew.quality.blur = 0.81"
    assert reason.startswith(told)
    assert told in GUIDE.read_text()

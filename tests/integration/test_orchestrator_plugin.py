"""A step from another installed package."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.testing import running_orchestrator, tiff
from pagemesh.orchestrator.v1.document_pb2 import PAGE_OUTCOME_OK, PAGE_OUTCOME_SKIPPED

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "pagemesh-darkness"
version = "1.0.0"

[project.entry-points."pagemesh.stages"]
darkness = "pagemesh_darkness:FACTORY"

[tool.setuptools]
py-modules = ["pagemesh_darkness"]
"""

MODULE = '''
"""Measures how dark a page is."""

from orchestrator.conditions import FactKind
from orchestrator.stages import StageConfig, StageContext, StageFactory, StageResult


class DarknessConfig(StageConfig):
    """Options of the darkness step."""

    limit: float = 0.5
    """Pages whose mean is darker are `is_dark`."""


class DarknessStage:
    async def run(self, context: StageContext) -> StageResult:
        mean = float(context.page.image.mean()) / 255
        return StageResult({"mean": mean, "is_dark": mean < context.options.limit})


FACTORY = StageFactory(
    build=lambda models: DarknessStage(),
    config=DarknessConfig,
    facts={"mean": FactKind.NUMBER, "is_dark": FactKind.TRUTH},
)
'''

PIPELINE = """
name: bright_pages
version: "1.0.0"
description: Reads the text of pages that are not dark.
steps:
  - name: light
    stage: darkness
    options: {limit: 0.3}
  - name: ocr
    stage: ocr
    after: [light]
    when: not light.is_dark
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, built and installed by pip into a folder on the path."""
    project, site = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "pagemesh_darkness.py").write_text(MODULE)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(site), str(project)], check=True, timeout=100
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("installed")
async def test_plugged_in_step_runs_decides_and_answers(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "bright_pages.yaml").write_text(PIPELINE)
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

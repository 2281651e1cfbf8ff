"""`docs/adding-a-model.md`, done as it says in a copy of the repository.

Every code block that follows a path in backquotes is the file of that path.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "adding-a-model.md"
COPIED = (
    *("meshkit", "orchestrator", "pagemesh", "protos", "scripts", "tests/contract"),
    *("setup.cfg", "pyproject.toml"),
)
_FILE = re.compile(r"`([\w./]+\.(?:proto|py))`:\n\n```\w+\n(.*?)```\n", re.DOTALL)


def files_of_the_guide() -> dict[str, str]:
    """Every file that the guide shows whole."""
    return dict(_FILE.findall(GUIDE.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without its servers, with the guide's files."""
    copy = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    for name, text in files_of_the_guide().items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")
    run(copy, "-m", "scripts.generate_stubs")
    return copy


def run(repository: Path, *arguments: str) -> str:
    """Run Python in the copy, where its modules come before the installed ones."""
    tools = Path(sys.executable).parent  # protoc's plug-ins
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guide_shows_every_file_of_a_server() -> None:
    names = {Path(name).name for name in files_of_the_guide()}
    assert names >= {"__init__.py", "__main__.py", "config.py", "model.py", "service.py"}
    assert "protos/pagemesh/brightness/v1/brightness_service.proto" in files_of_the_guide()


@pytest.mark.timeout(240)
def test_the_contract_suite_comes_free(repository: Path) -> None:
    report = run(repository, "-m", "pytest", "-q", "tests/contract", "-k", "brightness")
    passed = re.search(r"(\d+) passed", report)
    assert passed
    assert int(passed[1]) >= 35


def test_the_guides_own_tests_pass(repository: Path) -> None:
    assert "3 passed" in run(repository, "-m", "pytest", "-q", "tests/unit/servers/brightness")


def test_the_guides_code_is_in_the_projects_style(repository: Path) -> None:
    sources = [name for name in files_of_the_guide() if name.endswith(".py")]
    run(repository, "-m", "ruff", "check", *sources)
    run(repository, "-m", "ruff", "format", "--check", *sources)


def test_the_guides_stage_is_one(repository: Path) -> None:
    code = (
        "from orchestrator.stages.brightness import FACTORY; print(FACTORY.models, FACTORY.facts)"
    )
    printed = run(repository, "-c", code)
    assert printed.startswith("('brightness',)")
    assert "mean" in printed

"""Every row of the threat model names tests that are there, or says why its risk is accepted."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STRIDE = set("STRIDE")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ACCEPTED = re.compile(r"accepted: \w.{20,}")


def doors(text: str) -> dict[str, list[list[str]]]:
    """The rows of each door's table: letter, threat, what stands against it, test."""
    found: dict[str, list[list[str]]] = {}
    for section in text.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("|")]
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        if rows and rows[0][-1] == "test":
            found[title] = rows[2:]
    return found


@cache
def functions(path: Path) -> frozenset[str]:
    """Names of a file's functions."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def problems(text: str) -> list[str]:
    """What is wrong with a threat model, a line each."""
    wrong = []
    for door, rows in doors(text).items():
        if missing := STRIDE - {row[0] for row in rows}:
            wrong.append(f"{door}: nothing about {', '.join(sorted(missing))}")
        for letter, *_, told in rows:
            tests = _TEST.findall(told)
            if letter not in STRIDE or not (tests or _ACCEPTED.fullmatch(told)):
                wrong.append(f"{door}, {letter}: `{told}` is no test and no acceptance")
            for path, name in tests:
                file = ROOT / path
                if not file.is_file() or name not in functions(file):
                    wrong.append(f"{door}, {letter}: there is no {path}::{name}")
    return wrong


@pytest.fixture
def text() -> str:
    return (ROOT / "docs/security.md").read_text()


def test_every_row_is_covered(text: str) -> None:
    assert problems(text) == []
    assert len(doors(text)) == 11


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("::test_slow_model`", "::test_slow_motel`", "there is no"),
        ("accepted: the door knows", "| the door knows", "no acceptance"),
        ("| R | who sent, saw", "| I | who sent, saw", "nothing about R"),
    ],
)
def test_a_planted_mistake_is_seen(text: str, before: str, after: str, told: str) -> None:
    assert before in text
    assert any(told in line for line in problems(text.replace(before, after)))


def test_every_exception_from_the_security_rules_says_why() -> None:
    """Ruff's S rules are bandit's; a line that is excepted tells its reason behind the rule."""
    command = ["git", "grep", "-nE", r"noqa: ?(\w+, ?)*S[0-9]{3}", "--", "*.py"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = lines.splitlines()
    assert len(found) > 10
    assert [line for line in found if not re.search(r"S\d{3} - \w.{6,}$", line)] == []

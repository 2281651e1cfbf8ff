"""osv.dev's export says the same as osv.dev."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.advisories import Advisories
from scripts.audit import EXIT_FOUND, audit
from tests.unit.scripts.test_audit import ADVISORY, locked


def export(folder: Path, *advisories: Any) -> Path:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number, advisory in enumerate(advisories):
            file.writestr(f"{number}.json", json.dumps(advisory))
    return path


def affecting(**affected: Any) -> dict[str, Any]:
    package = {"name": "My.Toy", "ecosystem": "PyPI"}
    return {"id": "X", "modified": "2026-02-01", "affected": [{"package": package, **affected}]}


def in_range(*events: dict[str, str]) -> dict[str, Any]:
    return affecting(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


@pytest.mark.parametrize(
    ("advisory", "affected", "spared"),
    [
        (affecting(versions=["1.0", "1.1"]), ["1.1"], ["1.2"]),
        (in_range({"introduced": "0"}, {"fixed": "1.10"}), ["0.1", "1.9"], ["1.10", "2"]),
        (in_range({"introduced": "2"}, {"last_affected": "2.5"}), ["2", "2.5"], ["1.9", "2.6"]),
        (in_range({"introduced": "3"}), ["3", "9"], ["2.9"]),
        (
            in_range({"fixed": "2.1"}, {"introduced": "2"}, {"introduced": "0"}, {"fixed": "1.1"}),
            ["1", "2.0"],
            ["1.5", "2.1"],
        ),
        (in_range({"introduced": "0"}, {"fixed": "no version"}), ["1"], []),
    ],
)
def test_versions_are_found_as_osvs_schema_says(
    advisory: Any, affected: list[str], spared: list[str], tmp_path: Path
) -> None:
    advisories = Advisories(export(tmp_path, advisory))
    assert all(advisories.of("my-toy", version) == [advisory] for version in affected)
    assert not any(advisories.of("my-toy", version) for version in spared)
    assert not advisories.of("another", affected[0])


def test_an_audit_is_told_what_the_export_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    advisories = Advisories(export(tmp_path, ADVISORY, affecting(versions=["1"])))
    assert (advisories.count, advisories.newest) == (2, "2026-02-01")
    with advisories.served() as source:
        assert audit("toy.lock", locked(tmp_path, "1.0.0"), source) == EXIT_FOUND
        assert "PYSEC-0000-1" in capsys.readouterr().out
        assert audit("toy.lock", locked(tmp_path, "1.0.1"), source) == 0


def test_an_export_without_advisories_is_no_all_clear(tmp_path: Path) -> None:
    other = affecting(versions=["1"])
    other["affected"][0]["package"]["ecosystem"] = "npm"
    with pytest.raises(ValueError, match="no advisory"):
        Advisories(export(tmp_path, other))

"""The console's files: whole, of this host alone, and what was vendored is as it was vendored."""

import re
import shutil
from pathlib import Path

import pytest

from scripts.vendor_console import FOLDER, RECORD, differences, read_record

STATIC = FOLDER.parent
OWN = [
    path
    for path in sorted(STATIC.rglob("*"))
    if path.suffix in {".js", ".css", ".html"} and path.parent != FOLDER
]


def test_what_is_vendored_is_what_the_record_says() -> None:
    assert differences(FOLDER, read_record(FOLDER)) == []


def test_a_vendored_file_that_was_changed_lost_or_added_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    shutil.copytree(FOLDER, folder)
    (folder / "htm.mjs").write_text("export default 1;\n")
    (folder / "preact.mjs").unlink()
    (folder / "more.mjs").write_text("")

    assert differences(folder, read_record(folder)) == [
        "more.mjs: not in the record",
        "htm.mjs: changed since it was vendored",
        "preact.mjs: recorded, and not there",
    ]


def test_every_library_says_its_licence() -> None:
    for package, entry in read_record(FOLDER).items():
        assert entry["license"] in {"MIT", "Apache-2.0", "OFL-1.1"}, package
        assert any(name.endswith(".LICENSE") for name in entry["files"]), package
    assert (FOLDER / RECORD).exists()


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(STATIC)))
def test_a_file_imports_what_is_there_and_nothing_from_outside(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    beside = re.findall(r'(?:\bfrom |\bimport |url\()"([^"]+)"', text)
    # Attributes are read from where the page is; the gateway itself serves its description.
    on_page = set(re.findall(r'\b(?:src|href)="([^"#]+)"', text)) - {"openapi.json"}
    missing = {name for name in beside if not (path.parent / name).is_file()}
    assert missing | {name for name in on_page if not (STATIC / name).is_file()} == set()


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    page = (STATIC / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "<style" not in page
    assert " style=" not in page
    assert re.findall(r"\son\w+=", page) == []

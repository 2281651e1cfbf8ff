"""`pagemesh train-classifier`, and the folder of examples that it takes."""

import importlib.util
from pathlib import Path

import pytest

from meshkit.errors import InvalidInput
from pagemesh.cli import train_classifier as command
from pagemesh.cli.examples import find_examples


def files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_a_files_folder_is_its_label(tmp_path: Path) -> None:
    files(tmp_path, "letter/a.png", "tax_form/f1040/b.PDF", "letter/notes.txt", "stray.png")

    found = find_examples(tmp_path)

    assert [(e.path.name, e.label) for e in found] == [
        ("a.png", "letter"),
        ("b.PDF", "tax_form/f1040"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file,label\na.png,letter\nb.tif,invoice\n"),
        (
            "labels.jsonl",
            '{"file": "a.png", "label": "letter"}\n\n{"file": "b.tif", "label": "invoice"}',
        ),
    ],
)
def test_a_file_of_labels_says_what_each_is(tmp_path: Path, name: str, text: str) -> None:
    files(tmp_path, "a.png", "b.tif")
    (tmp_path / name).write_text(text)

    found = find_examples(tmp_path, tmp_path / name)

    assert [(e.path.name, e.label) for e in found] == [("a.png", "letter"), ("b.tif", "invoice")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no FOLDER/<label>/<file>"),
        (("a.png",), "holds no FOLDER/<label>/<file>"),
        (("letter/a.txt",), r"files end in \.jpeg"),
        (("letter/a.png", "letter/b.png"), "there is one class, letter"),
        (("a/b/c/d.png", "letter/b.png"), "`a/b/c` cannot be a label"),
    ],
)
def test_a_folder_that_teaches_nothing_is_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        find_examples(files(tmp_path, *names))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no folder"):
        find_examples(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.csv", "name,kind\na.png,letter", ":1: the columns `file` and `label` are needed"),
        ("l.csv", "file,label\ngone.png,letter", ":2: there is no file"),
        ("l.jsonl", '{"file": "a.png"}', ":1: a line must be"),
        ("l.jsonl", "nothing", ":1: a line must be"),
        ("l.csv", "file,label\n", "names no file"),
    ],
)
def test_wrong_labels_are_refused_by_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    files(tmp_path, "a.png")
    (tmp_path / name).write_text(text)

    with pytest.raises(InvalidInput, match=message):
        find_examples(tmp_path, tmp_path / name)


def test_the_library_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(InvalidInput, match=r"pip install 'pagemesh\[classifier\]'"):
        command.train_classifier(tmp_path, tmp_path / "out")


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    files(tmp_path / "photos", "holiday.png")

    with pytest.raises(InvalidInput, match="holds something else than a classifier"):
        command.train_classifier(tmp_path, tmp_path / "photos")
    assert (tmp_path / "photos" / "holiday.png").exists()

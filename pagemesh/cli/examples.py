"""A folder of example pages: which files it holds, and what each is labelled."""

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from meshkit.errors import InvalidInput

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".pdf"})
FEWEST = 2
_LABEL = re.compile(r"[\w][\w .-]{0,62}(?:/[\w][\w .-]{0,62})?")


@dataclass(frozen=True, slots=True)
class Example:
    """A document and its class, `class` or `class/family`."""

    path: Path
    label: str


def find_examples(folder: Path, labels: Path | None = None) -> list[Example]:
    """The examples of a folder.

    Without `labels` each file's label is the folder that it is in: `FOLDER/invoice/a.png`,
    `FOLDER/tax_form/f1040/b.pdf`. With it, its lines say: a CSV with the columns `file` and
    `label`, or JSON Lines with these keys; files are relative to the folder.

    Raises:
        InvalidInput: the folder or the labels are missing, or hold nothing to train on.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder; give FOLDER/<label>/*.png")
    found = _by_folder(folder) if labels is None else _by_labels(folder, labels)
    if not found:
        where = f"{labels} names no file" if labels else f"{folder} holds no FOLDER/<label>/<file>"
        raise InvalidInput(f"{where}; files end in {', '.join(sorted(ENDINGS))}")
    for example in found:
        if not _LABEL.fullmatch(example.label):
            raise InvalidInput(
                f"{example.path}: `{example.label}` cannot be a label; use letters, digits, `_`, "
                "and one `/` before a family"
            )
    counts = Counter(example.label for example in found)
    classes = {label.partition("/")[0] for label in counts}
    if len(classes) < 2:
        raise InvalidInput(f"{folder}: there is one class, {min(classes)}; at least two are needed")
    return found


def _by_folder(folder: Path) -> list[Example]:
    return [
        Example(path, path.parent.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in ENDINGS and path.is_file() and path.parent != folder
    ]


def _by_labels(folder: Path, labels: Path) -> list[Example]:
    try:
        text = labels.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{labels} cannot be read: {error}") from None
    rows = _json_rows(labels, text) if labels.suffix == ".jsonl" else _csv_rows(labels, text)
    found = []
    for number, (file, label) in rows:
        path = folder / file
        if not path.is_file():
            raise InvalidInput(f"{labels}:{number}: there is no file {path}")
        found.append(Example(path, label))
    return found


def _csv_rows(labels: Path, text: str) -> list[tuple[int, tuple[str, str]]]:
    reader = csv.DictReader(text.splitlines())
    if not {"file", "label"} <= set(reader.fieldnames or ()):
        raise InvalidInput(f"{labels}:1: the columns `file` and `label` are needed")
    return [(reader.line_num, (row["file"], row["label"] or "")) for row in reader]


def _json_rows(labels: Path, text: str) -> list[tuple[int, tuple[str, str]]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows.append((number, (str(row["file"]), str(row["label"]))))
        except (ValueError, KeyError, TypeError):
            raise InvalidInput(
                f'{labels}:{number}: a line must be {{"file": ..., "label": ...}}'
            ) from None
    return rows

"""Which lines of a labelled set a measurement looks at.

A set is a folder with `labels.jsonl`, a JSON object a line: `file`, and what is labelled.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.split import Part, part_of

Label = dict[str, Any]
"""A line of `labels.jsonl`."""
PartOf = Callable[[str, Label], Part]

ALL = "all"


def read_labels(
    folder: Path,
    wanted: Callable[[Label], object] = lambda _label: True,
    *,
    part: Part | None = None,
    limit: int | None = None,
    part_of: PartOf = part_of,
) -> list[Label]:
    """Labels of a set, in the order of its file.

    Args:
        folder: the set.
        wanted: whether a line is labelled so that it can be measured on.
        part: only pages of this part; all when None.
        limit: at most so many, evenly spread over those that are left.
        part_of: how the set is split, from its name and a label.

    Raises:
        FileNotFoundError: the set is not there.
        ValueError: a line is no label.
    """
    labels = [
        label
        for label in all_labels(folder)
        if wanted(label) and (part is None or part_of(folder.name, label) is part)
    ]
    return [labels[place] for place in spread(len(labels), limit)]


def all_labels(folder: Path) -> Iterator[Label]:
    """Every label of a set, in the order of its file.

    Raises:
        FileNotFoundError: the set is not there.
        ValueError: a line is no JSON object with a `file`.
    """
    path = folder / "labels.jsonl"
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _label(line, f"{path}, line {number}")


def _label(line: str, place: str) -> Label:
    try:
        label = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is not JSON: {error}") from error
    if not isinstance(label, dict) or not isinstance(label.get("file"), str):
        raise ValueError(f"{place} is no object that names a `file`")
    return label


def spread(count: int, limit: int | None) -> list[int]:
    """At most `limit` of the places below `count`, evenly spread; all when None."""
    if limit is None or limit >= count:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, limit).round()]


def add_arguments(parser: argparse.ArgumentParser, sets: Sequence[str]) -> None:
    """`--data`, `--sets`, `--limit` and `--part`, the last as text for `as_part`."""
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--sets", nargs="+", default=list(sets))
    parser.add_argument("--limit", type=int, help="pages of each set; all when omitted")
    parser.add_argument("--part", choices=[*map(str, Part), ALL], default=ALL, help="of each set")


def as_part(text: str) -> Part | None:
    """What `--part` means to `read_labels`."""
    return None if text == ALL else Part(text)

"""Writes a drafted definition as YAML for a person to edit."""

import json
import re
from collections.abc import Iterator, Sequence

from orchestrator.forms.definition import ValueType
from orchestrator.forms.draft import DraftField
from orchestrator.forms.frame import Rect

_HEAD = """\
# Drafted from {blank}. Look over names and types, delete what you do not need, then run:
#   pagemesh form check {file}
# Places are in points (1/72 inch) from the top-left corner of the blank page:
# [left, top, width, height]. Types: text, name, date, number, integer, money, id, phone, choice,
# checkbox, signature.
name: {name}
version: "1.0.0"
title: {title}
blank: {blank}
# Only pages of these classes; [] takes every page that looks like the blank.
classes: []
# Dates: month first (12/31/2024), as in the US. true: 31/12/2024.
day_first: false
# What stands before the decimals of amounts and numbers: ".", "," or auto.
decimal: "."

fields:
"""


def definition_text(
    name: str, title: str, blank: str, fields: Sequence[DraftField], file: str = "definition.yaml"
) -> str:
    """The whole file.

    Args:
        name: of the form, lower-case letters, digits and `_`.
        blank: name of the blank's file beside the definition.
        file: the definition's own name, for the comment.
    """
    head = _HEAD.format(name=name, title=_quoted(title), blank=_quoted(blank), file=file)
    lines: list[str] = []
    page = 0
    for field in fields:
        if field.page != page:
            page = field.page
            lines.append(f"  # ---- page {page} ----")
        lines += _field_lines(field)
    return head + "\n".join(lines) + "\n"


def _field_lines(field: DraftField) -> Iterator[str]:
    yield f"  - name: {_quoted(field.name)}"
    yield f"    type: {field.type}"
    if field.label:
        yield f"    label: {_quoted(field.label)}"
    if field.page != 1:
        yield f"    page: {field.page}"
    yield from _place_lines(field)
    if field.id is not None:
        yield f"    id: {field.id}"
    if field.comb:
        yield f"    cells: {field.comb}"
    if field.is_required:
        yield "    required: true"
    if field.is_multiline:
        yield "    multiline: true"


def _place_lines(field: DraftField) -> Iterator[str]:
    """The field's zone, or a zone for each of its options."""
    boxed = [(value, place) for value, place in field.options if place is not None]
    if not boxed:
        yield f"    zone: {_zone(field.box)}"
    if field.type is ValueType.CHOICE:
        yield "    options:"
    for value, place in field.options:
        zone = "" if place is None else f", zone: {_zone(place)}"
        yield f"      - {{value: {_quoted(value)}{zone}}}"


def _zone(box: Rect) -> str:
    numbers = (box.left, box.top, box.width, box.height)
    return f"[{', '.join(f'{number:.1f}' for number in numbers)}]"


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z][\w .*/-]*", text) is not None
    is_word = text.lower() in ("true", "false", "yes", "no", "null", "on", "off", "y", "n")
    return (
        text
        if plain and not is_word and text == text.strip()
        else json.dumps(text, ensure_ascii=False)
    )

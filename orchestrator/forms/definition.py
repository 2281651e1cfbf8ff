"""Form definitions: what a business unit writes down about a form, and every mistake in it at once.

A definition is a folder: `definition.yaml`, and the blank form beside it. Places are in points of
1/72 inch from the top-left corner of the blank page (`orchestrator.forms.frame`).
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from meshkit.errors import InvalidInput
from orchestrator.forms.frame import Rect
from orchestrator.yaml_nodes import Problems, compose, plain

FILE_NAME = "definition.yaml"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Numbers4 = Annotated[list[float], Field(min_length=4, max_length=4)]


class InvalidForm(InvalidInput):
    """A form definition or its blank is wrong; the message names file, line and field."""

    default_reason = "INVALID_FORM"


class ValueType(StrEnum):
    """How a field's characters become a value; see `orchestrator.forms.values`."""

    TEXT = "text"
    NAME = "name"
    DATE = "date"
    NUMBER = "number"
    INTEGER = "integer"
    MONEY = "money"
    ID = "id"
    PHONE = "phone"
    CHOICE = "choice"
    CHECKBOX = "checkbox"
    SIGNATURE = "signature"


class IdKind(StrEnum):
    """Identifiers whose shape or check digits are known."""

    SSN = "ssn"
    EIN = "ein"
    ABA = "aba"
    IBAN = "iban"
    LUHN = "luhn"
    ZIP = "zip"


class Direction(StrEnum):
    """Where a value stands, seen from its anchor."""

    RIGHT = "right"
    BELOW = "below"
    LEFT = "left"
    ABOVE = "above"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Anchor(_Strict):
    """A printed text beside which the value stands."""

    text: str = Field(min_length=2, description="Words as printed; case and punctuation are free.")
    direction: Direction = Direction.RIGHT
    width: float = Field(default=200.0, gt=0, description="Of the value's place, in points.")
    height: float = Field(default=14.0, gt=0, description="Of the value's place, in points.")
    gap: float = Field(default=2.0, description="Points between the anchor and the place.")


class Option(_Strict):
    """One answer of a choice: a box to tick, or a word to write."""

    value: str = Field(min_length=1)
    zone: Numbers4 | None = Field(default=None, description="The box; none for a written answer.")

    @property
    def rect(self) -> Rect | None:
        return _rect(self.zone)


class FieldDefinition(_Strict):
    """One named value, and where it stands."""

    name: Name
    type: ValueType = ValueType.TEXT
    label: str = Field(default="", description="What people call it.")
    page: int = Field(default=1, ge=1, description="Page of the blank form.")
    zone: Numbers4 | None = Field(default=None, description="left, top, width, height in points.")
    anchor: Anchor | None = Field(default=None, description="Instead of a zone.")
    options: tuple[Option, ...] = Field(default=(), description="Of a choice.")
    required: bool = Field(default=False, description="Empty is a fault.")
    id: IdKind | None = Field(default=None, description="Which identifier, for type id.")
    pattern: str = Field(default="", description="Regular expression for the whole value.")
    cells: int = Field(default=0, ge=0, le=200, description="Letters of a comb, one a cell.")
    multiline: bool = Field(default=False, description="Several lines are joined by a space.")
    day_first: bool | None = Field(default=None, description="Of a date, against the form's own.")
    minimum: float | None = Field(default=None, description="Of a number or an amount.")
    maximum: float | None = Field(default=None, description="Of a number or an amount.")

    @property
    def rect(self) -> Rect | None:
        return _rect(self.zone)

    @model_validator(mode="after")
    def _is_whole(self) -> "FieldDefinition":
        boxes = [option.zone is not None for option in self.options]
        is_boxed = bool(boxes) and all(boxes)
        if self.type is ValueType.CHOICE and not self.options:
            raise ValueError("a choice needs `options`")
        if self.options and self.type is not ValueType.CHOICE:
            raise ValueError("only a choice has `options`")
        if any(boxes) and not is_boxed:
            raise ValueError("either every option has a `zone` or none has")
        places = [self.zone is not None, self.anchor is not None, is_boxed]
        if sum(places) != 1:
            raise ValueError("say where it is: `zone`, or `anchor`, or a `zone` for each option")
        if self.id is not None and self.type is not ValueType.ID:
            raise ValueError("`id` is for fields of type id")
        zones = [self.zone, *(option.zone for option in self.options)]
        if any(zone is not None and (zone[2] <= 0 or zone[3] <= 0) for zone in zones):
            raise ValueError("a zone is [left, top, width, height] with a positive size")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"`pattern` is no regular expression: {error}") from error
        return self


class FormDefinition(_Strict):
    """A form: which pages it is for, and its fields."""

    name: Name
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    title: str = ""
    blank: str = Field(
        default="blank.pdf",
        pattern=r"^[^/\\]+$",
        description="File of the blank form beside this one: a PDF, or pictures as "
        "`blank-*.png` with their words in `blank.words.json`.",
    )
    classes: tuple[str, ...] = Field(
        default=(),
        description="Only pages that the classifier gave one of these labels, or none that it "
        "knows; empty: any page that looks like the blank.",
    )
    day_first: bool = Field(default=False, description="Dates say 31/12/2024, not 12/31/2024.")
    two_digit_years_from: int = Field(
        default=1950, ge=1800, le=2100, description="`49` is 2049, and `50` is 1950."
    )
    decimal: Literal["auto", ".", ","] = Field(
        default="auto", description="What stands before the decimals."
    )
    fields: tuple[FieldDefinition, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_single(self) -> "FormDefinition":
        counts = Counter(field.name for field in self.fields)
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"two fields have the name `{twice[0]}`")
        return self


def read_definition(file: str, content: bytes) -> FormDefinition:
    """A definition from its YAML.

    Args:
        file: the file's name, for the messages.

    Raises:
        InvalidForm: with every mistake, a line each, as `file:line: field: what is wrong`.
    """
    problems = Problems(file)
    try:
        node = compose(content.decode(), problems)
    except UnicodeDecodeError:
        problems.add(None, "the file is not UTF-8 text")
        node = None
    if node is not None:
        try:
            return FormDefinition.model_validate(plain(node))
        except ValidationError as error:
            found = error.errors()
            for problem in found:
                loc = problem["loc"]
                if problem["type"] == "too_short" and loc == ("fields",) and len(found) > 1:
                    continue  # only because every field has a mistake of its own
                where = _words(node, loc)
                problems.add(_node_at(node, loc), f"{where}: {_message(problem)}")
    raise InvalidForm("\n".join(problems.lines), metadata={"file": file})


def _rect(zone: Sequence[float] | None) -> Rect | None:
    if zone is None:
        return None
    left, top, width, height = zone
    return Rect(left, top, left + width, top + height)


def _message(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such entry"
    if problem["type"] == "missing":
        return "is missing"
    return str(problem["msg"]).removeprefix("Value error, ")


def _node_at(node: yaml.Node, loc: Sequence[int | str]) -> yaml.Node:
    """The node that an error's path leads to, or the last one on the way there."""
    for step in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                return node
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            inner = {key.value: value for key, value in node.value}.get(str(step))
            if inner is None:
                return node
            node = inner
        else:
            return node
    return node


def _words(node: yaml.Node, loc: Sequence[int | str]) -> str:
    """`fields[3].zone` as ``field `birth_date`: zone``."""
    if len(loc) >= 2 and loc[0] == "fields":
        name = plain(_node_at(node, loc[:2]))
        known = name.get("name") if isinstance(name, dict) else None
        head = f"field `{known}`" if known else f"field {int(loc[1]) + 1}"
        rest = ".".join(map(str, loc[2:]))
        return f"{head}: {rest}" if rest else head
    return ".".join(map(str, loc)) or "form"

"""The registered forms, kept up to date with their folders."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orchestrator.forms.anchors import with_zones
from orchestrator.forms.blank import WORDS_FILE, BlankPage, digest_of, read_blank
from orchestrator.forms.definition import (
    FILE_NAME,
    FormDefinition,
    InvalidForm,
    read_definition,
)
from orchestrator.forms.words import key_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Form:
    """A registered form.

    Attributes:
        definition: its fields.
        pages: of its blank.
        digest: `sha256:<hex>` of definition and blank.
    """

    definition: FormDefinition
    pages: tuple[BlankPage, ...]
    digest: str

    @cached_property
    def keys(self) -> tuple[frozenset[str], ...]:
        """What is printed on each page: its words' letters and digits."""
        return tuple(
            frozenset(key for word in page.words if len(key := key_of(word.text)) > 2)
            for page in self.pages
        )


@dataclass(frozen=True)
class FormSet:
    """The forms as they are at one time. A document is read with one set to its end."""

    forms: tuple[Form, ...] = ()
    by_name: dict[str, Form] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {form.definition.name: form for form in self.forms})


def load_form(folder: Path) -> Form:
    """A form from its folder.

    Raises:
        InvalidForm: with every mistake of the definition, or what is wrong with its blank.
    """
    path = folder / FILE_NAME
    shown = f"{folder.name}/{FILE_NAME}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidForm(f"{shown}: cannot be read: {error.strerror}") from error
    definition = read_definition(shown, content)
    try:
        pages = read_blank(folder, definition.blank)
    except InvalidForm as error:
        raise InvalidForm(f"{shown}: {error.message}") from error
    definition, lost = with_zones(definition, pages)
    _check_places(shown, definition, pages, lost)
    return Form(definition, pages, digest_of(_files(folder)))


def load_forms(directories: Sequence[Path]) -> FormSet:
    """Every form of these directories, by name.

    Raises:
        InvalidForm: with every mistake of every form, a line each.
    """
    forms: dict[str, tuple[Form, Path]] = {}
    mistakes: list[str] = []
    for folder in _folders(directories):
        try:
            form = load_form(folder)
        except InvalidForm as error:
            mistakes.append(error.message)
            continue
        name = form.definition.name
        if name in forms:
            other = forms[name][1].name
            mistakes.append(f"{folder.name}/{FILE_NAME}: form `{name}` is in {other}, too")
        forms[name] = (form, folder)
    if mistakes:
        lines = "\n".join(mistakes)
        raise InvalidForm(f"mistakes in form definitions:\n{lines}")
    return FormSet(tuple(form for _, (form, _) in sorted(forms.items())))


class FormLibrary:
    """Forms by name.

    Folders are looked at again and again. A change is taken as a whole: while any definition has a
    mistake, all forms stay as they were.

    Attributes:
        current: the forms.
        digest: of their definitions and blanks.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self._seen = ""
        self.current = FormSet()
        self.digest = ""

    def load(self) -> None:
        """Read every definition. Raises InvalidForm with every mistake, a line each."""
        self._seen = self._state()
        self.digest = self._digest()
        self.current = load_forms(self._directories)

    def reload(self) -> bool:
        """Read the definitions again when a file has changed; whether they were taken.

        Mistakes are logged, all of them, once for each change.
        """
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            digest = self._digest()
            self.current = load_forms(self._directories)
            self.digest = digest
        except InvalidForm as error:
            _log.error("forms not reloaded, the old ones stay: %s", error.message)
            return False
        versions = {f.definition.name: f.definition.version for f in self.current.forms}
        _log.info("forms reloaded", extra={"forms": versions})
        return True

    def _state(self) -> str:
        """Changes whenever a file appears, goes away, or is written."""
        found = []
        for path in (p for folder in _folders(self._directories) for p in _files(folder)):
            status = path.stat()
            found.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        return "\n".join(found)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in (p for folder in _folders(self._directories) for p in _files(folder)):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _folders(directories: Sequence[Path]) -> list[Path]:
    return [path.parent for d in directories for path in sorted(d.glob(f"*/{FILE_NAME}"))]


def _files(folder: Path) -> list[Path]:
    """The definition and its blank."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and (path.name == FILE_NAME or path.name.startswith("blank"))
        and path.name != WORDS_FILE
    )


def _check_places(
    shown: str, definition: FormDefinition, pages: Sequence[BlankPage], lost: Sequence[str]
) -> None:
    """Raises InvalidForm when a field is on a page that the blank has not, beyond its edge, or
    among those whose anchor is `lost`."""
    wrong = list(lost)
    for item in definition.fields:
        if item.page > len(pages):
            wrong.append(f"field `{item.name}`: page {item.page} of a blank with {len(pages)}")
            continue
        page = pages[item.page - 1]
        for rect in (item.rect, *(option.rect for option in item.options)):
            if rect is not None and not (
                rect.left >= -5
                and rect.top >= -5
                and rect.right <= page.width + 5
                and rect.bottom <= page.height + 5
            ):
                size = f"{page.width:g} x {page.height:g}"
                wrong.append(f"field `{item.name}`: its zone leaves the page of {size} points")
                break
    if wrong:
        raise InvalidForm("\n".join(f"{shown}: {line}" for line in wrong))

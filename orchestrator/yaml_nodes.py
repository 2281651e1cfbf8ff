"""YAML with line numbers, and every mistake collected instead of the first one raised."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass
class Problems:
    """The mistakes of one file.

    Attributes:
        file: the file's name, put before every mistake.
        lines: what was found, with its line, in the order of the file.
    """

    file: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, node: yaml.Node | None, message: str) -> None:
        """Note a mistake at a node, or in the whole file."""
        line = node.start_mark.line + 1 if node is not None and node.start_mark else 1
        self.found.append((line, message))

    @property
    def lines(self) -> list[str]:
        """`file:line: mistake`, by line."""
        return [f"{self.file}:{line}: {message}" for line, message in sorted(set(self.found))]


class Reader:
    """Reads the entries of one YAML mapping, and notes what is missing, wrong or unknown."""

    def __init__(self, node: yaml.Node | None, where: str, problems: Problems) -> None:
        self.where = where
        self.node = node
        self._problems = problems
        self._entries: dict[str, yaml.Node] = {}
        self._asked: set[str] = set()
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            problems.add(node, f"{where}: expected `key: value` entries")
            return
        for key, value in node.value:
            if key.value in self._entries:
                problems.add(key, f"{where}: `{key.value}` is there twice")
            self._entries[str(key.value)] = value

    def problem(self, message: str, key: str = "") -> None:
        """Note a mistake at an entry, or at the mapping when that entry is not there."""
        self._problems.add(self._entries.get(key, self.node), f"{self.where}: {message}")

    def get(self, key: str) -> yaml.Node | None:
        """The node of an entry; None when it is absent or null."""
        self._asked.add(key)
        node = self._entries.get(key)
        return None if node is not None and node.tag == "tag:yaml.org,2002:null" else node

    def data(self, key: str, default: Any, kinds: type | tuple[type, ...], what: str) -> Any:
        """The entry as plain data of one of these types; the default when absent or wrong."""
        node = self.get(key)
        if node is None:
            return default
        value = plain(node)
        is_bool_for_number = isinstance(value, bool) and bool not in _as_tuple(kinds)
        if not isinstance(value, kinds) or is_bool_for_number:
            self.problem(f"`{key}` must be {what}", key)
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """The entry as text. Without a default it must be there and not be empty."""
        value: str = self.data(key, default or "", str, "text (numbers in quotes)")
        if default is None and not value.strip() and self._is_fine(key):
            self.problem(f"`{key}` is missing or empty", key)
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """The entry as a list of texts."""
        values = self.data(key, [], list, "a list such as [a, b]")
        if not all(isinstance(value, str) for value in values):
            self.problem(f"`{key}` must be a list of names", key)
            return ()
        return tuple(values)

    def refuse_unknown(self, allowed: Iterable[str] = ()) -> None:
        """Note every entry that nobody asked for."""
        known = self._asked | set(allowed)
        for key in self._entries.keys() - known:
            names = ", ".join(sorted(known))
            self.problem(f"`{key}` is not known here; known: {names}", key)

    def _is_fine(self, key: str) -> bool:
        node = self._entries.get(key)
        return node is None or node.tag.endswith((":str", ":null"))


def plain(node: yaml.Node) -> Any:
    """A node as plain Python data."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def compose(text: str, problems: Problems) -> yaml.Node | None:
    """The node tree of a YAML file; None, with a noted mistake, when it is not YAML.

    Every node of the tree can be had as plain data.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            plain(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.found.append((line, f"not YAML: {error.problem or error.context}"))
        return None
    except yaml.YAMLError as error:
        problems.add(None, f"not YAML: {error}")
        return None
    except RecursionError:
        problems.add(None, "not YAML: it is nested too deep")
        return None
    except (ValueError, TypeError) as error:  # a date that is none, say
        problems.add(None, f"not YAML: {error}")
        return None
    if node is None:
        problems.add(None, "the file is empty")
    return node


def _as_tuple(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)

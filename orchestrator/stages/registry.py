"""Finds the installed stages."""

import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from meshkit.errors import InvalidPipeline
from orchestrator.stages.base import StageFactory

GROUP = "pagemesh.stages"
_log = logging.getLogger(__name__)


class StageRegistry(Mapping[str, StageFactory]):
    """Stage factories by entry point name. A stage is imported when it is first asked for."""

    def __init__(self) -> None:
        self._entries = {entry.name: entry for entry in entry_points(group=GROUP)}
        self._loaded: dict[str, StageFactory] = {}

    def __getitem__(self, name: str) -> StageFactory:
        """Raises KeyError for a stage nobody installed, InvalidPipeline for one that is broken."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def _load(self, name: str) -> StageFactory:
        entry = self._entries[name]
        try:
            factory = entry.load()
        except Exception as error:
            _log.exception("stage cannot be imported", extra={"stage": name})
            raise InvalidPipeline(
                f"stage `{name}` ({entry.value}) cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(factory, StageFactory):
            raise InvalidPipeline(f"stage `{name}` ({entry.value}) is not a StageFactory")
        return factory

"""The pipelines that can be asked for, kept up to date with their files."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from meshkit.errors import InvalidPipeline, NotFound
from orchestrator.pipeline import Pipeline
from orchestrator.pipeline_file import Available, load_directories

_log = logging.getLogger(__name__)


class PipelineCatalog:
    """Pipelines by name.

    Files are looked at again and again. A change is taken as a whole: while any file has a mistake,
    all pipelines stay at the versions they had. Who holds a `Pipeline` keeps it.
    """

    def __init__(self, directories: Sequence[Path], available: Available, default: str) -> None:
        self._directories = tuple(directories)
        self._available = available
        self._default = default
        self._pipelines: dict[str, Pipeline] = {}
        self._seen = ""

    def load(self) -> None:
        """Read every definition. Raises InvalidPipeline with every mistake, a line each."""
        self._seen = self._digest()
        self._pipelines = self._read()

    def reload(self) -> bool:
        """Read the definitions again when a file has changed; whether they were taken.

        Mistakes are logged, all of them, once for each change.
        """
        digest = self._digest()
        if digest == self._seen:
            return False
        self._seen = digest
        try:
            self._pipelines = self._read()
        except InvalidPipeline as error:
            _log.error("pipelines not reloaded, the old ones stay: %s", error.message)
            return False
        versions = {name: pipeline.version for name, pipeline in self._pipelines.items()}
        _log.info("pipelines reloaded", extra={"pipelines": versions})
        return True

    def get(self, name: str) -> Pipeline:
        """A pipeline; an empty name takes the default. Raises NotFound listing the known ones."""
        wanted = name or self._default
        if wanted not in self._pipelines:
            known = ", ".join(self._pipelines) or "none"
            raise NotFound(
                f"pipeline: there is no pipeline `{wanted[:100]}`; known: {known}",
                reason="UNKNOWN_PIPELINE",
                metadata={"field": "pipeline", "known": known},
            )
        return self._pipelines[wanted]

    def all(self) -> list[Pipeline]:
        """Every pipeline, by name."""
        return list(self._pipelines.values())

    def is_default(self, pipeline: Pipeline) -> bool:
        """Whether requests that name none get this one."""
        return pipeline.name == self._default

    def _read(self) -> dict[str, Pipeline]:
        pipelines = load_directories(self._directories, self._available)
        if self._default not in pipelines:
            known = ", ".join(pipelines)
            raise InvalidPipeline(
                f"the default pipeline `{self._default}` is not defined; known: {known}"
            )
        return pipelines

    def _digest(self) -> str:
        """Changes whenever a file appears, goes away or has another content."""
        digest = hashlib.sha256()
        for path in (p for d in self._directories for p in sorted(d.glob("*.yaml"))):
            digest.update(f"{path}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

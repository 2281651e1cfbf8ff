"""Reads pipeline definitions, and finds every mistake in them at once."""

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from pydantic import ValidationError

from meshkit.errors import InvalidPipeline, PagemeshError
from orchestrator.calls import RetryPolicy
from orchestrator.conditions import Condition, ConditionError, KnownFacts, parse
from orchestrator.models import Models
from orchestrator.pipeline import Pipeline, Step, option_problems, parse_duration
from orchestrator.stages.base import Stage, StageConfig, StageFactory
from orchestrator.yaml_nodes import Problems, Reader, compose, plain

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")
_DEFAULT_DEADLINE = 600.0
_STEP_DEADLINE = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Available:
    """What pipelines may use.

    Attributes:
        stages: the installed stages by name.
        models: the models that have an address.
    """

    stages: Mapping[str, StageFactory]
    models: Models


@dataclass
class _Draft:
    """A step as far as it could be read."""

    reader: Reader
    name: str
    stage: str
    factory: StageFactory | None
    work: Stage | None
    after: tuple[str, ...]
    helped_by: tuple[str, ...]
    when: Condition | None
    deadline: float
    retries: RetryPolicy
    options: StageConfig
    is_optional: bool
    is_kept: bool
    before: set[str] = field(default_factory=set)

    @property
    def follows(self) -> tuple[str, ...]:
        """All steps that it waits for."""
        return (*self.after, *self.helped_by)

    @property
    def step(self) -> Step | None:
        """The step; None when its stage is missing."""
        if self.factory is None or self.work is None:
            return None
        return Step(
            name=self.name,
            stage=self.stage,
            factory=self.factory,
            work=self.work,
            after=self.follows,
            helped_by=frozenset(self.helped_by),
            when=self.when,
            deadline=self.deadline,
            retries=self.retries,
            options=self.options,
            is_optional=self.is_optional,
            is_kept=self.is_kept,
        )


def load_directories(directories: Sequence[Path], available: Available) -> dict[str, Pipeline]:
    """Every `*.yaml` of these directories by pipeline name.

    Raises InvalidPipeline whose message shows every mistake of every file, a line each.
    """
    pipelines: dict[str, tuple[Pipeline, Path]] = {}
    lines: list[str] = []
    for path in (p for directory in directories for p in sorted(directory.glob("*.yaml"))):
        pipeline, problems = read_pipeline(path.name, path.read_bytes(), available)
        lines.extend(problems)
        if pipeline is None:
            continue
        if pipeline.name in pipelines:
            other = pipelines[pipeline.name][1].name
            lines.append(f"{path.name}:1: pipeline `{pipeline.name}` is defined in {other}, too")
        pipelines[pipeline.name] = (pipeline, path)
    if not pipelines and not lines:
        lines.append(f"no *.yaml file in {', '.join(map(str, directories))}")
    if lines:
        raise InvalidPipeline(
            f"{len(lines)} mistake{'s' * (len(lines) > 1)} in pipeline definitions:\n"
            + "\n".join(lines)
        )
    return {name: pipeline for name, (pipeline, _) in sorted(pipelines.items())}


def read_pipeline(
    file: str, content: bytes, available: Available
) -> tuple[Pipeline | None, list[str]]:
    """One pipeline, or None and every mistake as `file:line: what is wrong`."""
    problems = Problems(file)
    try:
        root = compose(content.decode(), problems)
    except UnicodeDecodeError:
        problems.add(None, "the file is not UTF-8 text")
        root = None
    if root is None:
        return None, problems.lines
    reader = Reader(root, "pipeline", problems)
    name = _read_name(reader)
    version = reader.text("version")
    if version and not _VERSION.fullmatch(version):
        reader.problem(f"`version` must look like 1.2.3, not `{version}`", "version")
    description = reader.text("description")
    deadline = _read_duration(reader, "deadline", _DEFAULT_DEADLINE)
    drafts = _read_steps(reader, problems, available)
    reader.refuse_unknown()
    _check_graph(drafts, reader)
    _check_slots(drafts)
    steps = tuple(step for draft in drafts if (step := draft.step))
    if problems.found:
        return None, problems.lines
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Pipeline(name, version, description, digest, deadline, steps), []


def _read_name(reader: Reader) -> str:
    name = reader.text("name")
    if name and not _NAME.fullmatch(name):
        reader.problem(f"name `{name}` must be lower-case letters, digits and `_`", "name")
    return name


def _read_duration(reader: Reader, key: str, default: float) -> float:
    text = reader.data(key, None, (str, int, float), "a duration such as 30s")
    if text is None:
        return default
    try:
        return parse_duration(str(text))
    except ValueError as error:
        reader.problem(f"`{key}`: {error}", key)
        return default


def _read_steps(reader: Reader, problems: Problems, available: Available) -> list[_Draft]:
    node = reader.get("steps")
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        reader.problem("`steps` must be a list of at least one step", "steps")
        return []
    drafts: list[_Draft] = []
    for number, item in enumerate(node.value, 1):
        step = Reader(item, f"step {number}", problems)
        if isinstance(item, yaml.MappingNode):
            drafts.append(_read_step(step, problems, available))
    names = [draft.name for draft in drafts]
    for index, draft in enumerate(drafts):
        if draft.name and draft.name in names[:index]:
            draft.reader.problem("another step has this name", "name")
    return drafts


def _read_step(reader: Reader, problems: Problems, available: Available) -> _Draft:
    name = _read_name(reader)
    reader.where = f"step `{name}`" if name else reader.where
    stage = reader.text("stage")
    factory = _read_stage(reader, stage, available)
    draft = _Draft(
        reader=reader,
        name=name,
        stage=stage,
        factory=factory,
        work=_build(reader, factory, available),
        after=reader.texts("after"),
        helped_by=reader.texts("helped_by"),
        when=_read_condition(reader),
        deadline=_read_duration(reader, "deadline", _STEP_DEADLINE),
        retries=_read_retries(reader, problems),
        options=_read_options(reader, factory),
        is_optional=reader.data("optional", False, bool, "true or false"),
        is_kept=reader.data("keep", True, bool, "true or false"),
    )
    reader.refuse_unknown()
    return draft


def _read_stage(reader: Reader, name: str, available: Available) -> StageFactory | None:
    if not name:
        return None
    try:
        factory = available.stages[name]
    except KeyError:
        known = ", ".join(sorted(available.stages)) or "none: is the package installed?"
        reader.problem(f"no stage `{name}` is installed; installed: {known}", "stage")
        return None
    except PagemeshError as error:
        reader.problem(error.message, "stage")
        return None
    return factory


def _build(reader: Reader, factory: StageFactory | None, available: Available) -> Stage | None:
    """The stage itself; None, with a noted mistake, when it cannot be made."""
    if factory is None:
        return None
    missing = [model for model in factory.models if model not in available.models]
    for model in missing:
        known = ", ".join(available.models.names) or "none"
        reader.problem(f"the stage needs the model `{model}`; models: {known}", "stage")
    if missing:
        return None
    try:
        return factory.build(available.models)
    except Exception as error:
        _log.exception("stage cannot be built")
        reader.problem(f"the stage cannot be built: {type(error).__name__}: {error}", "stage")
        return None


def _read_condition(reader: Reader) -> Condition | None:
    text = reader.text("when", "")
    try:
        return parse(text) if text else None
    except ConditionError as error:
        reader.problem(error.message, "when")
        return None


def _read_retries(reader: Reader, problems: Problems) -> RetryPolicy:
    default = RetryPolicy()
    node = reader.get("retries")
    if node is None:
        return default
    retries = Reader(node, f"{reader.where}, retries", problems)
    policy = RetryPolicy(
        attempts=retries.data("attempts", default.attempts, int, "a whole number"),
        initial_backoff=_read_duration(retries, "initial_backoff", default.initial_backoff),
        max_backoff=_read_duration(retries, "max_backoff", default.max_backoff),
        multiplier=retries.data("multiplier", default.multiplier, (int, float), "a number"),
    )
    retries.refuse_unknown()
    if not 1 <= policy.attempts <= 20:
        retries.problem("`attempts` must be from 1 to 20", "attempts")
    if not 1 <= policy.multiplier <= 10:
        retries.problem("`multiplier` must be from 1 to 10", "multiplier")
    if policy.max_backoff < policy.initial_backoff:
        retries.problem("`max_backoff` is shorter than `initial_backoff`", "max_backoff")
    return policy


def _read_options(reader: Reader, factory: StageFactory | None) -> StageConfig:
    node = reader.get("options")
    if factory is None:
        return StageConfig()
    data = plain(node) if node is not None else {}
    if not isinstance(data, dict):
        reader.problem("`options` must be `key: value` entries", "options")
        return StageConfig()
    try:
        return factory.config.model_validate(data)
    except ValidationError as error:
        for text in option_problems(error, factory.config):
            reader.problem(f"`options.{text}", "options")
        return StageConfig()


def _check_graph(drafts: Sequence[_Draft], reader: Reader) -> None:
    """Steps that are waited for exist, nothing goes round in a circle, conditions ask for what is
    there."""
    by_name = {draft.name: draft for draft in drafts if draft.name}
    for draft in drafts:
        _check_names(draft, by_name)
    graph = {name: set(draft.follows) & by_name.keys() for name, draft in by_name.items()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        reader.problem(f"steps wait for each other: {' -> '.join(error.args[1])}", "steps")
        return
    for name in order:
        draft = by_name[name]
        for parent in graph[name]:
            draft.before |= {parent, *by_name[parent].before}
        _check_condition(draft, by_name)


def _check_names(draft: _Draft, by_name: Mapping[str, _Draft]) -> None:
    known = ", ".join(by_name)
    for key, names in (("after", draft.after), ("helped_by", draft.helped_by)):
        for name in names:
            if name not in by_name:
                draft.reader.problem(f"`{key}`: no step `{name}`; steps: {known}", key)
    for name in sorted(set(draft.after) & set(draft.helped_by)):
        draft.reader.problem(f"`{name}` is in `after` and in `helped_by`; choose one", "helped_by")


def _check_condition(draft: _Draft, by_name: Mapping[str, _Draft]) -> None:
    if draft.when is None:
        return
    before = {name: by_name[name].factory for name in draft.before}
    known: KnownFacts = {name: stage.facts if stage else None for name, stage in before.items()}
    for problem in draft.when.problems(known):
        draft.reader.problem(f"`when`: {problem}", "when")


def _check_slots(drafts: Sequence[_Draft]) -> None:
    """A page's result has one place for each contract's answer."""
    taken: dict[str, str] = {}
    for draft in drafts:
        slot = draft.factory.slot if draft.factory and draft.is_kept else ""
        if slot and slot in taken:
            draft.reader.problem(
                f"step `{taken[slot]}` already gives the page's `{slot}`; only one step may: mark "
                "the other with `keep: false`",
                "stage",
            )
        taken.setdefault(slot, draft.name)

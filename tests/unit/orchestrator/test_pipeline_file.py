"""Pipeline definitions: every mistake at once, with its line."""

from pathlib import Path

import pytest

from meshkit.errors import InvalidInput, InvalidPipeline
from orchestrator.breaker import BreakerPolicy
from orchestrator.calls import RetryPolicy
from orchestrator.catalog import PipelineCatalog
from orchestrator.config import MODELS, SHIPPED_PIPELINES
from orchestrator.models import Models
from orchestrator.pipeline import Pipeline, parse_duration
from orchestrator.pipeline_file import Available, load_directories, read_pipeline
from orchestrator.stages.base import StageFactory
from orchestrator.stages.registry import StageRegistry


class _NoChannel:
    """A channel that is never called."""

    def __getattr__(self, name: str) -> object:
        return lambda *_args, **_kwargs: None


@pytest.fixture(scope="module")
def available() -> Available:
    channels = {name: _NoChannel() for name in MODELS}
    return Available(StageRegistry(), Models(channels, BreakerPolicy()))


def read(text: str, available: Available) -> tuple[Pipeline | None, list[str]]:
    return read_pipeline("test.yaml", text.encode(), available)


GOOD = """
name: forms
version: "1.2.0"
description: Reads forms.
deadline: 5m
steps:
  - {name: kind, stage: classify, deadline: 1500ms, options: {threshold: 0.7}}
  - name: words
    stage: ocr
    after: [kind]
    when: kind.label in [form]
    retries: {attempts: 2, initial_backoff: 50ms, max_backoff: 1s, multiplier: 3}
    optional: true
"""


def test_every_entry_is_taken(available: Available) -> None:
    pipeline, problems = read(GOOD, available)
    assert problems == []
    assert pipeline is not None
    assert (pipeline.name, pipeline.version, pipeline.deadline) == ("forms", "1.2.0", 300)
    assert pipeline.digest.startswith("sha256:")
    kind, words = pipeline.steps
    assert (kind.deadline, kind.options.model_dump()) == (
        1.5,
        {"threshold": 0.7, "with_features": False},
    )
    assert words.retries == RetryPolicy(2, 0.05, 1.0, 3)
    assert words.is_optional
    assert words.when is not None
    assert pipeline.last_steps == {"words"}


def test_every_mistake_at_once(available: Available) -> None:
    _, problems = read(
        """name: Bad Name
version: one
descripton: typed wrong
deadline: soon
steps:
  - name: classify
    stage: clasify
  - name: ocr
    stage: ocr
    after: [nobody]
    when: classify.label in
    deadline: -3s
    retries: {attempts: 0, often: true}
    options: {tier: slow, colour: red}
  - name: ocr
    stage: checkbox
    optional: maybe
""",
        available,
    )
    expected = {
        "test.yaml:1: pipeline: name `Bad Name` must be lower-case",
        "test.yaml:1: pipeline: `description` is missing",
        "test.yaml:2: pipeline: `version` must look like 1.2.3, not `one`",
        "test.yaml:3: pipeline: `descripton` is not known here",
        "test.yaml:4: pipeline: `deadline`: `soon` is no duration",
        "test.yaml:7: step `classify`: no stage `clasify` is installed",
        "test.yaml:10: step `ocr`: `after`: no step `nobody`",
        "test.yaml:11: step `ocr`: condition `classify.label in` cannot be read",
        "test.yaml:12: step `ocr`: `deadline`: `-3s` is no duration",
        "test.yaml:13: step `ocr`, retries: `often` is not known here",
        "test.yaml:13: step `ocr`, retries: `attempts` must be from 1 to 20",
        "test.yaml:14: step `ocr`: `options.tier`",
        "test.yaml:14: step `ocr`: `options.colour`",
        "test.yaml:15: step `ocr`: another step has this name",
        "test.yaml:17: step `ocr`: `optional` must be true or false",
    }
    for start in expected:
        assert any(problem.startswith(start) for problem in problems), (start, problems)
    assert len(problems) == len(expected)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- {name: a, stage: ocr, after: [a]}", "wait for each other: a -> a"),
        (
            "- {name: a, stage: ocr, after: [b]}\n  - {name: b, stage: classify, after: [a]}",
            "wait for each other",
        ),
        (
            "- {name: a, stage: ocr}\n  - {name: b, stage: ocr}",
            "step `a` already gives the page's `ocr`",
        ),
        (
            "- {name: a, stage: ocr, keep: maybe}",
            "`keep` must be true or false",
        ),
        (
            "- {name: a, stage: classify}\n  - {name: b, stage: ocr, after: [a], when: a.x == y}",
            "step `a` has no fact `x` (it has: families.count, features.places.count,",
        ),
        (
            "- {name: a, stage: classify}\n  - {name: b, stage: ocr, when: a.label == x}",
            "no step `a` comes before this one",
        ),
        ("[]", "at least one step"),
        ("- just text", "expected `key: value` entries"),
        ("- {name: a, name: b, stage: ocr}", "`name` is there twice"),
        ("- {stage: ocr}", "`name` is missing"),
        ("- {name: a}", "`stage` is missing"),
        ("- {name: a, stage: ocr, after: b}", "`after` must be a list"),
        ("- {name: a, stage: ocr, helped_by: [b]}", "`helped_by`: no step `b`"),
        ("- {name: a, stage: ocr, helped_by: [a]}", "wait for each other: a -> a"),
        (
            "- {name: a, stage: ocr}\n  - {name: b, stage: form, after: [a], helped_by: [a]}",
            "`a` is in `after` and in `helped_by`",
        ),
    ],
)
def test_mistakes_between_steps(available: Available, steps: str, problem: str) -> None:
    text = f'name: p\nversion: "1.0.0"\ndescription: d\nsteps:\n  {steps}\n'
    pipeline, problems = read(text, available)
    assert pipeline is None
    assert any(problem in line for line in problems), problems


@pytest.mark.parametrize(
    "content", [b"", b"a: [", b"\xff\xfe\x00", b"- a\n- b", b"text", b"a: !!python/object:x {}"]
)
def test_what_is_no_pipeline(available: Available, content: bytes) -> None:
    pipeline, problems = read_pipeline("odd.yaml", content, available)
    assert pipeline is None
    assert problems
    assert all(line.startswith("odd.yaml:") for line in problems)


def test_stage_without_its_model() -> None:
    pipeline, problems = read(GOOD, Available(StageRegistry(), Models({}, BreakerPolicy())))
    assert pipeline is None
    assert any("needs the model `classify`; models: none" in line for line in problems)


def test_stage_that_cannot_be_built(available: Available) -> None:
    def broken(_models: Models) -> None:
        raise RuntimeError("no weights")

    stages = {"odd": StageFactory(build=broken)}  # type: ignore[arg-type]
    text = 'name: p\nversion: "1.0.0"\ndescription: d\nsteps: [{name: a, stage: odd}]'
    _, problems = read(text, Available(stages, available.models))
    assert any("cannot be built: RuntimeError: no weights" in line for line in problems)


def test_mistakes_of_all_files_together(tmp_path: Path, available: Available) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text("name: c")
    with pytest.raises(InvalidPipeline) as caught:
        load_directories([tmp_path], available)
    message = caught.value.message
    assert "b.yaml:1: pipeline `forms` is defined in a.yaml, too" in message
    assert "c.yaml:1: pipeline: `steps` must be a list" in message
    assert message.startswith("4 mistakes")


def test_directory_without_pipelines(tmp_path: Path, available: Available) -> None:
    with pytest.raises(InvalidPipeline, match=r"no \*.yaml file"):
        load_directories([tmp_path], available)


def test_shipped_pipelines_are_sound(available: Available) -> None:
    pipelines = load_directories([SHIPPED_PIPELINES], available)
    assert list(pipelines) == [
        "application_form",
        "checkboxes",
        "classify",
        "forms",
        "signatures",
        "text",
    ]
    form = pipelines["application_form"]
    assert [step.name for step in form.order][:2] == ["deskew", "preread"]
    assert form.last_steps == {"fields"}
    signature = next(step for step in form.steps if step.name == "signature")
    assert signature.after == ("ink", "ocr")
    assert signature.helped_by == {"ocr"}


def test_options_of_a_request(available: Available) -> None:
    pipeline, _ = read(GOOD, available)
    assert pipeline is not None
    options = pipeline.options_for({"kind.threshold": "0.9", "words.languages": "en, de"})
    assert options["kind"].model_dump() == {"threshold": 0.9, "with_features": False}
    assert options["words"].model_dump()["languages"] == ("en", "de")
    with pytest.raises(InvalidInput) as caught:
        pipeline.options_for({"kind.threshold": "2", "other.x": "1", "words.nosuch": "1"})
    for part in ("`kind.threshold`", "`other.x`", "`words.nosuch`"):
        assert part in caught.value.message


def test_reload_takes_good_changes_and_keeps_the_old_on_bad_ones(
    tmp_path: Path, available: Available, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "forms.yaml"
    file.write_text(GOOD)
    catalog = PipelineCatalog([tmp_path], available, "forms")
    catalog.load()
    first = catalog.get("")
    assert catalog.reload() is False

    file.write_text(GOOD.replace("1.2.0", "1.3.0"))
    assert catalog.reload() is True
    assert catalog.get("forms").version == "1.3.0"
    assert first.version == "1.2.0"

    file.write_text(GOOD.replace("stage: ocr", "stage: nosuch").replace("5m", "soon"))
    assert catalog.reload() is False
    assert catalog.get("forms").version == "1.3.0"
    assert "nosuch" in caplog.text
    assert "soon" in caplog.text
    caplog.clear()
    assert catalog.reload() is False
    assert caplog.text == ""

    file.unlink()
    assert catalog.reload() is False
    assert catalog.get("forms").version == "1.3.0"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("1.5h", 5400), (" 2m ", 120)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "0s", "-1s", "1d", "1 minute", "nan s", "infs"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)

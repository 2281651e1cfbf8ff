"""What the deskew step finds of a page's quality decides what becomes of the page."""

import pytest

from orchestrator.breaker import BreakerPolicy
from orchestrator.config import MODELS
from orchestrator.facts import facts_of
from orchestrator.models import Models
from orchestrator.pipeline_file import Available, read_pipeline
from orchestrator.stages.registry import StageRegistry
from pagemesh.deskew.v1.deskew_service_pb2 import DeskewResult, PageQuality

PIPELINE = """
name: readable
version: "1.0.0"
description: Reads pages that can be read.
deadline: 1m
steps:
  - {name: deskew, stage: deskew}
  - name: ocr
    stage: ocr
    after: [deskew]
    when: >-
      deskew.quality.noise < 0.2 and deskew.quality.faintness < 0.8
      and deskew.quality.glare < 0.05 and deskew.quality.perspective_degrees < 3
      and deskew.quality.blur < 0.6 and deskew.quality.darkness < 0.7
      and deskew.quality.cut_off < 0.1 and deskew.quality.text_height_pixels >= 8
"""
GOOD = PageQuality(text_height_pixels=16)
FAULTY = {
    "noise": 0.3,
    "faintness": 0.9,
    "glare": 0.2,
    "perspective_degrees": 6.0,
    "blur": 0.7,
    "darkness": 0.8,
    "cut_off": 0.2,
    "text_height_pixels": 4.0,
}


class _NoChannel:
    """A channel that is never called."""

    def __getattr__(self, name: str) -> object:
        return lambda *_args, **_kwargs: None


def is_read(quality: PageQuality) -> bool:
    """Whether the pipeline reads a page of this quality."""
    available = Available(
        StageRegistry(), Models({name: _NoChannel() for name in MODELS}, BreakerPolicy())
    )
    pipeline, problems = read_pipeline("readable.yaml", PIPELINE.encode(), available)
    assert problems == []
    assert pipeline is not None
    condition = pipeline.steps[1].when
    assert condition is not None
    facts = facts_of(DeskewResult(quality=quality))
    return condition.holds({f"deskew.{name}": fact for name, fact in facts.items()})


def test_a_good_page_is_read() -> None:
    assert is_read(GOOD)


@pytest.mark.parametrize("measure", FAULTY)
def test_a_page_with_a_fault_is_not_read(measure: str) -> None:
    quality = PageQuality()
    quality.CopyFrom(GOOD)
    setattr(quality, measure, FAULTY[measure])
    assert not is_read(quality)

"""What a step can do. A plug-in imports from here; every stage is found by its entry point."""

from orchestrator.stages.base import (
    Stage,
    StageConfig,
    StageContext,
    StageFactory,
    StageResult,
    StageValue,
)

__all__ = [
    "Stage",
    "StageConfig",
    "StageContext",
    "StageFactory",
    "StageResult",
    "StageValue",
]

"""What an operator may set: variables `PAGEMESH_CLASSIFY_*`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig

DEFAULT_MODEL = Path(__file__).parent / "weights" / "default"


class ClassifyConfig(ServerConfig):
    """The classifier's configuration."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_CLASSIFY_")

    model: Path = Field(
        default=DEFAULT_MODEL,
        description="Folder that `pagemesh train-classifier` wrote; the shipped classes.",
    )
    threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Below this score a page's class is `unknown`, when the request names none; "
        "0: only its look decides.",
    )
    typicality: float = Field(
        default=0.04,
        ge=0,
        lt=1,
        description="A page is `unknown` when fewer than this share of known pages look less like "
        "any class.",
    )

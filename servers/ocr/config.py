"""What an operator may set: variables `PAGEMESH_OCR_*`."""

from pathlib import Path

from pydantic import Field, FilePath, field_validator
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig
from servers.ocr.domain import Engine, Tier
from servers.ocr.lexicon import own_words


class OcrConfig(ServerConfig):
    """The OCR server's configuration; requests may ask for another engine, tier and languages."""

    model_config = SettingsConfigDict(env_prefix="PAGEMESH_OCR_")

    engine: Engine = Field(default=Engine.PPOCR, description="Reader when a request names none.")
    tier: Tier = Field(
        default=Tier.ACCURATE, description="PP-OCR's care when a request names none."
    )
    languages: tuple[str, ...] = Field(
        default=(),
        description="BCP 47 tags when a request names none; none: what the engine reads.",
    )
    words: FilePath | None = Field(
        default=None,
        description="A file of words for PP-OCR to know: names of products, customers, streets.",
    )
    line_workers: int = Field(
        default=0, ge=0, le=256, description="Lines read at once by PP-OCR; 0: one for each core."
    )
    detection_long_side: int = Field(
        default=1216,
        ge=320,
        le=4096,
        description="Pixels along a page's long side at which lines are looked for.",
    )
    lowest_line_confidence: float = Field(
        default=0.5, ge=0, le=1, description="PP-OCR lines below this are taken for no text."
    )
    tesseract_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds Tesseract may take for one page."
    )

    @field_validator("words")
    @classmethod
    def _has_words(cls, path: Path | None) -> Path | None:
        if path is not None:
            own_words(path)
        return path

"""Whatever bytes are flipped or missing: pages or a clear error, in time, and nobody dies."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from meshkit.errors import Internal, PagemeshError
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import OpenDocument, WorkerPool, open_document
from tests.unit.orchestrator.documents import made

SAMPLES = Path(__file__).parents[3] / "samples"
VARIANTS = 5


def _pdf(tmp_path: Path) -> bytes:
    return (SAMPLES / "application_form.pdf").read_bytes()


def _made_pdf(tmp_path: Path) -> bytes:
    return made.text_pdf(tmp_path / "made.pdf", pages=3).read_bytes()


def _lzw(tmp_path: Path) -> bytes:
    return made.tiff(made.photo(), made.noise(), compression="tiff_lzw")


def _group4(tmp_path: Path) -> bytes:
    return made.tiff(made.noise().convert("1"), made.noise().convert("1"), compression="group4")


def _png(tmp_path: Path) -> bytes:
    return made.encoded(made.photo(), "PNG")


def _jpeg(tmp_path: Path) -> bytes:
    return made.encoded(made.photo(), "JPEG")


def _webp(tmp_path: Path) -> bytes:
    return made.encoded(made.photo(), "WEBP")


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(1, len(content))]


def _flipped(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 4, 30])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _flipped_early(content: bytes, chance: random.Random) -> bytes:
    return _flipped(content[:300], chance) + content[300:]


def _without_a_part(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 500) :]


@pytest.mark.parametrize("whole", [_pdf, _made_pdf, _lzw, _group4, _png, _jpeg, _webp])
@pytest.mark.parametrize("damage", [_cut, _flipped, _flipped_early, _without_a_part])
async def test_damage_gives_pages_or_a_clear_error(
    tmp_path: Path,
    limits: DocumentLimits,
    whole: Callable[[Path], bytes],
    damage: Callable[[bytes, random.Random], bytes],
) -> None:
    content = whole(tmp_path)
    chance = random.Random(f"{whole.__name__}{damage.__name__}")  # noqa: S311 - chance, not a secret
    path = tmp_path / "damaged"
    async with WorkerPool(limits) as workers:
        for _ in range(VARIANTS):
            path.write_bytes(damage(content, chance))
            async with asyncio.timeout(60):
                await _read_all(path, limits, workers)
    assert psutil.Process().is_running()


async def _read_all(path: Path, limits: DocumentLimits, workers: WorkerPool) -> None:
    try:
        document = await open_document(path, limits=limits, workers=workers)
    except PagemeshError as error:
        _check(error)
        return
    async with document:
        for number in range(1, min(document.page_count, 5) + 1):
            await _read(document, number)


async def _read(document: OpenDocument, number: int) -> None:
    try:
        page = await document.render(number, 72)
    except PagemeshError as error:
        _check(error, number)
    else:
        assert page.image.dtype == np.uint8
        assert page.image.size > 0


def _check(error: PagemeshError, number: int | None = None) -> None:
    assert not isinstance(error, Internal), error
    assert error.reason
    if number is not None:
        assert f"page {number}" in error.message
        assert error.metadata["page"] == str(number)

"""The PP-OCR engine: find the lines, read each, read the least sure again, put them in order."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from meshkit.model import Image
from meshkit.onnx import Device, OnnxSession, digest_of, open_session
from servers.ocr import alphabet, detection, languages
from servers.ocr.alphabet import Alphabet
from servers.ocr.crops import ways_to_read
from servers.ocr.detection import DetectionSettings, find_lines
from servers.ocr.domain import TextLine, Tier
from servers.ocr.layout import reading_order
from servers.ocr.lexicon import FOLDER, LISTS, lexicon_of
from servers.ocr.memory import keep_process_small
from servers.ocr.networks import (
    LinesInBatches,
    LinesOneByOne,
    PagesInBatches,
    PagesOneByOne,
    characters_of,
    cores,
)
from servers.ocr.plans import FILES, PLANS, SPACE_BONUS, Plan
from servers.ocr.recognition import Box, Network, Reading, read_boxes
from servers.ocr.second_look import doubtful_parts, with_second_readings

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class PpOcrSettings:
    """How the engine runs.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        detector_threads: threads of a detector session; 0: one for each core.
        line_workers: lines read at once, each by one thread; 0: one for each core.
        lowest_confidence: lines below this are dropped.
        words: a file of words that are known beside those of `lexicons/`.
        detection: see there.
    """

    device: Device = "auto"
    detector_threads: int = 0
    line_workers: int = 0
    lowest_confidence: float = 0.5
    words: Path | None = None
    detection: DetectionSettings = field(default_factory=DetectionSettings)


@dataclass(frozen=True)
class Recogniser:
    """A network and what it knows."""

    network: Network
    characters: tuple[str, ...]
    space_bonus: float

    @cached_property
    def western(self) -> tuple[str, ...]:
        """BCP 47 tags of the languages that need Western characters only."""
        return languages.written_with(alphabet.western(self.characters, 0).texts)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """BCP 47 tags of all languages."""
        return languages.written_with(self.characters)

    def alphabet(self, wanted: Sequence[str]) -> Alphabet:
        """What may be read on a page in these languages."""
        if set(wanted) <= set(self.western):
            letters = languages.letters_of(wanted)
            return alphabet.western(self.characters, self.space_bonus, letters)
        return alphabet.full(self.characters, self.space_bonus)


class PpOcrEngine:
    """Reads pages with PP-OCR networks. `read` may run in several threads at once."""

    def __init__(self, settings: PpOcrSettings) -> None:
        """Open the networks and read a blank page.

        Raises:
            ValueError: the file of words cannot be read as text, or has none.
            RuntimeError: CUDA is asked for and is not there.
        """
        keep_process_small()
        self._settings = settings
        self._pool = ThreadPoolExecutor(
            settings.line_workers or cores(), thread_name_prefix="ocr-line"
        )
        self._detectors = {
            name: self._detector(name) for name in {plan.detector for plan in PLANS.values()}
        }
        names = {name for plan in PLANS.values() for name in (plan.first, plan.second)}
        self._recognisers = {name: self._recogniser(name) for name in names}
        self._alphabets: dict[tuple[str, tuple[str, ...]], Alphabet] = {}
        self._warm_up()

    def languages(self, tier: Tier) -> tuple[str, ...]:
        """BCP 47 tags of what a tier reads."""
        plan = PLANS[tier]
        return self._recognisers[plan.second if plan.whole else plan.first].languages

    def read(
        self, images: Sequence[Image], tier: Tier, wanted: Sequence[str]
    ) -> list[tuple[TextLine, ...]]:
        """Lines of grey or BGR pages in reading order.

        Args:
            images: the pages. On a GPU they are read together, on a CPU one after the other.
            tier: how carefully.
            wanted: tags of `languages(tier)`; none for Western ones.
        """
        if self._in_batches:
            return self._read(images, tier, tuple(wanted))
        return [text for image in images for text in self._read([image], tier, tuple(wanted))]

    def close(self) -> None:
        """End the workers. Safe to call twice."""
        self._pool.shutdown(cancel_futures=True)

    def _read(
        self, images: Sequence[Image], tier: Tier, wanted: tuple[str, ...]
    ) -> list[tuple[TextLine, ...]]:
        plan = PLANS[tier]
        settings = replace(self._settings.detection, scale=plan.scale)
        quads = find_lines(images, self._detectors[plan.detector], settings)
        boxes = [
            [Box(page, tuple(ways_to_read(page, quad)), plan.stretch) for quad in on_page]
            for page, on_page in zip(images, quads, strict=True)
        ]
        readings = self._readings(boxes, plan, wanted)
        return [
            self._in_order(on_page, page) for page, on_page in zip(images, readings, strict=True)
        ]

    def _readings(
        self, boxes: Sequence[Sequence[Box]], plan: Plan, wanted: tuple[str, ...]
    ) -> list[list[Reading]]:
        """The boxes of each page read by the plan's first network, and what it is unsure of by its
        second."""
        if plan.whole and not set(wanted) <= set(self._recognisers[plan.first].western):
            return self._read_boxes(boxes, plan.second, wanted)
        readings = self._read_boxes(boxes, plan.first, wanted)
        lexicon = lexicon_of(wanted, self._settings.words)
        parts = [doubtful_parts(*page, plan, lexicon) for page in zip(boxes, readings, strict=True)]
        shown = [[part.box for part in page] for page in parts]
        seconds = self._read_boxes(shown, plan.second, wanted)
        return [with_second_readings(*page) for page in zip(readings, parts, seconds, strict=True)]

    def _read_boxes(
        self, boxes: Sequence[Sequence[Box]], name: str, wanted: tuple[str, ...]
    ) -> list[list[Reading]]:
        """The boxes of each page read by one network, all in one call."""
        recogniser = self._recognisers[name]
        flat = [box for page in boxes for box in page]
        lexicon = lexicon_of(wanted, self._settings.words)
        found = iter(read_boxes(flat, recogniser.network, self._alphabet(name, wanted), lexicon))
        return [[next(found) for _ in page] for page in boxes]

    def _in_order(self, readings: Iterable[Reading], page: Image) -> tuple[TextLine, ...]:
        lowest = self._settings.lowest_confidence
        lines = [
            line for reading in readings for line in reading.lines if line.confidence >= lowest
        ]
        order = reading_order([line.quad for line in lines])
        return tuple(_clipped(lines[index], page.shape[1], page.shape[0]) for index in order)

    def _alphabet(self, name: str, wanted: tuple[str, ...]) -> Alphabet:
        key = name, wanted
        if key not in self._alphabets:
            self._alphabets[key] = self._recognisers[name].alphabet(wanted)
        return self._alphabets[key]

    def _detector(self, name: str) -> detection.Network:
        session = self._open(name, self._settings.detector_threads)
        return PagesInBatches(session) if self._in_batches else PagesOneByOne(session)

    def _recogniser(self, name: str) -> Recogniser:
        session = self._open(name, 1)
        network = (
            LinesInBatches(session) if self._in_batches else LinesOneByOne(session, self._pool)
        )
        return Recogniser(network, characters_of(session), SPACE_BONUS[name])

    def _open(self, name: str, threads: int) -> OnnxSession:
        session = open_session(
            WEIGHTS / name,
            intra_op_threads=threads,
            device=self._settings.device,
            shared_arena=True,
        )
        self.device = session.device
        return session

    @property
    def _in_batches(self) -> bool:
        return self.device != "cpu"

    def _warm_up(self) -> None:
        blank = np.full((480, 640), 255, np.uint8)
        whole = np.array([[0, 0], [640, 0], [640, 48], [0, 48]], np.float64)
        for detector in self._detectors.values():
            find_lines([blank], detector, self._settings.detection)
        for name in self._recognisers:
            self._read_boxes([[Box(blank, tuple(ways_to_read(blank, whole)))]], name, ())


def weights_digest(words: Path | None = None) -> str:
    """`sha256:<hex>` over the networks and the lists of words, that of one's own among them."""
    lists = [FOLDER / name for name in LISTS]
    return digest_of([*(WEIGHTS / name for name in FILES), *lists, *([words] if words else [])])


def _clipped(line: TextLine, width: int, height: int) -> TextLine:
    """The same line with corners inside the page."""
    corner = np.array([width - 1, height - 1], np.float64)
    words = tuple(replace(word, quad=word.quad.clip(0, corner)) for word in line.words)
    return replace(line, quad=line.quad.clip(0, corner), words=words)

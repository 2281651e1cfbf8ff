"""Make the networks that CPUs run: the same, most of them in eight-bit numbers.

    python -m training.checkbox_int8 --data DATA --out servers/checkbox/weights

What the numbers of each layer span is seen on pages of `gov_forms_scansim` that the networks were
trained on (`eval.split.detector_part_of`). The proposer is laid out anew for them
(`training.checkbox_layout`, which says what of it is left as it is) and takes pages in bytes. Of
the judge, the first layers are left, which have one channel and gain nothing, and what follows the
eyes.
"""

import argparse
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
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
from training.checkbox_layout import FLOATS, PAGE, RANGES, keep_mean, lay_out, layers_of

FORMS = "gov_forms_scansim"
PROPOSER_PAGES = 12
"""More of them changed nothing."""
WEIGHT_STEPS = 64
"""Of seven bits, on either side of 0."""
JUDGE_LEFT = (
    "/network/near/near.0/",
    "/network/far/far.0/",
    "/network/layout/",
    "/network/head/",
)
"""What the names of the judge's layers begin with that stay as they are,"""
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
        write_proposer(weights / PROPOSER, out / CPU_PROPOSER, pages(forms, PROPOSER_PAGES))
    if arguments.only != "proposer":
        write_judge(
            weights / JUDGE, out / CPU_JUDGE, seen_by_judge(pages(forms), out / CPU_PROPOSER)
        )


def write_proposer(network: Path, out: Path, images: Iterable[Image]) -> None:
    """Write the proposer for CPUs, its ranges and means as on the images."""
    seen = [*seen_by_proposer(images)]
    layers = layers_of(network)
    mean = float(np.mean([inputs["image"].mean() for inputs in seen]))
    layers["fine_0"] = keep_mean(layers["fine_0"], mean, WEIGHT_STEPS)
    small = in_int8(lay_out(layers), FLOATS, iter(seen), RANGES)
    take_bytes(small, "image", PAGE)
    onnx.save(small, out)


def write_judge(network: Path, out: Path, seen: Iterator[Inputs]) -> None:
    """Write the judge for CPUs, its ranges as on what is seen."""
    with tempfile.TemporaryDirectory(prefix="pagemesh-int8-") as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(network, prepared, skip_symbolic_shape=True)
        model = onnx.load(prepared)
    left = {
        node.name
        for node in model.graph.node
        if node.name.startswith(JUDGE_LEFT) or node.op_type in LEFT_KINDS
    }
    onnx.save(in_int8(model, left, seen), out)


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


def seen_by_proposer(images: Iterable[Image]) -> Iterator[Inputs]:
    """Pages as the proposer takes them."""
    for image in images:
        fitted = fit_page(image, INPUT_SIZE)
        if fitted is not None:
            yield {"image": stack_pages([fitted])}


def seen_by_judge(images: Iterable[Image], weights: Path) -> Iterator[Inputs]:
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


def in_int8(
    network: onnx.ModelProto,
    left: Collection[str],
    seen: Iterator[Inputs],
    ranges: Mapping[str, Any] | None = None,
) -> onnx.ModelProto:
    """A network in eight-bit numbers, of ranges that hold what it makes of what is seen.

    Weights have seven bits, so that no sum of two products leaves sixteen: processors without
    instructions for dot products would clip it, and say something else than those that have them.

    Args:
        network: the network.
        left: names of the nodes that stay as they are.
        seen: its inputs.
        ranges: of tensors whose range is another than what is seen.
    """
    with tempfile.TemporaryDirectory(prefix="pagemesh-int8-") as scratch:
        written = Path(scratch) / "int8.onnx"
        quantize_static(
            network,
            written,
            _Seen(seen),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*left],
            extra_options={"TensorQuantOverrides": dict(ranges or {})},
        )
        return onnx.load(written)


def take_bytes(network: onnx.ModelProto, name: str, rounded_as: str) -> None:
    """Let a network take its input in bytes, which it rounded to them.

    Args:
        network: in eight-bit numbers; changed in place.
        name: the input, in [0, 1].
        rounded_as: the tensor that is this input in another shape, and is rounded.

    Raises:
        ValueError: it isn't rounded to 255ths.
    """
    graph = network.graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    (rounding,) = (node for node in graph.node if node.input[:1] == [rounded_as])
    scale, zero = (tensors[end] for end in rounding.input[1:])
    if not np.isclose(scale * 255, 1) or zero:
        raise ValueError(f"{name} is rounded to steps of {scale}, with {zero} for 0")
    for node in graph.node:
        node.input[:] = [rounded_as if i == rounding.output[0] else i for i in node.input]
    graph.node.remove(rounding)
    del graph.value_info[:]
    (image,) = (given for given in graph.input if given.name == name)
    image.type.tensor_type.elem_type = onnx.TensorProto.UINT8


class _Seen(CalibrationDataReader):  # type: ignore[misc]
    """Inputs one by one, as ONNX Runtime asks for them."""

    def __init__(self, seen: Iterator[Inputs]) -> None:
        self._seen = seen

    def get_next(self) -> Inputs | None:
        return next(self._seen, None)


if __name__ == "__main__":
    main()

"""The proposer laid out for eight-bit convolutions: the same sums in shapes that they are quick at.

ONNX Runtime computes such a convolution as a product of matrices that has a column for each channel
made, sixteen at a time, and copies what a kernel sees of a row at once. So it is slow at a layer of
one channel in. With channels last, a row of pixels is the same numbers in the same order as a row
of a quarter as many pixels of four channels. Hence the first layer takes four pixels as one, and
makes two as one; and the layer before the last sum makes every pixel twice, side by side, after
which rows are doubled, so that this sum needs not be turned from channels first.

All numbers of a layer have one scale. So the pyramid's last sum, which the head takes in eight
bits, is cut off beyond what it is near boxes; elsewhere it is three times as much.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

Floats = NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Kernel (outputs, inputs, h, w) and bias (outputs,)."""

PAGE = "fours"
"""The tensor that is the page and nothing but the page."""
FLOATS = frozenset(
    {"coarse_flat", "coarse", "middle", "large_twice", "large_last", "large_rows"}
    | {"large_doubled", "large_apart", "large", "fine", "values", "logits", "chances", "head"}
)
"""Names of the nodes that stay as they are: the sums of the pyramid and what goes into them, where
rounding would move boxes by half a pixel, and the last layer, which makes places and chances."""
RANGES = {"fine": [{"rmin": np.float32(-11), "rmax": np.float32(24)}]}
"""Of tensors that are cut off when they are rounded, as `quantize_static` takes them: the last sum
a quarter beyond what it is within two cells of any proposal on the pages that the other ranges are
taken from."""

GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
proposer (float[pages, 1, height, width] image) => (float[pages, 7, rows, columns] head) {
    image_shape = Shape (image)
    pixels = Gather <axis = 0> (image_shape, channels_last)
    quarters = Div (pixels, by_four)
    fine_shape = Mul (quarters, of_32)

    fours_apart = Reshape (image, as_fours)
    fours_last = Squeeze (fours_apart, channel)
    fours = Transpose <perm = [0, 3, 1, 2]> (fours_last)
    first_sum = Conv <strides = [2, 1], pads = [1, 1, 0, 0]> (fours, fine_0_kernel, fine_0_bias)
    first = Relu (first_sum)
    first_last = Transpose <perm = [0, 2, 3, 1]> (first)
    first_apart = Reshape (first_last, as_16)
    fine_0 = Transpose <perm = [0, 3, 1, 2]> (first_apart)
    fine_1_sum = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (fine_0, fine_1_kernel, fine_1_bias)
    fine_1 = Relu (fine_1_sum)
    fine_2_sum = Conv <pads = [1, 1, 1, 1]> (fine_1, fine_2_kernel, fine_2_bias)
    fine_2 = Relu (fine_2_sum)

    middle_0_sum = Conv <strides = [2, 2], pads = [1, 1, 1, 1]>
        (fine_2, middle_0_kernel, middle_0_bias)
    middle_0 = Relu (middle_0_sum)
    middle_1_sum = Conv <pads = [1, 1, 1, 1]> (middle_0, middle_1_kernel, middle_1_bias)
    middle_1 = Relu (middle_1_sum)
    middle_2_sum = Conv <pads = [1, 1, 1, 1]> (middle_1, middle_2_kernel, middle_2_bias)
    middle_2 = Relu (middle_2_sum)

    coarse_0_sum = Conv <strides = [2, 2], pads = [1, 1, 1, 1]>
        (middle_2, coarse_0_kernel, coarse_0_bias)
    coarse_0 = Relu (coarse_0_sum)
    coarse_1_sum = Conv <pads = [1, 1, 1, 1]> (coarse_0, coarse_1_kernel, coarse_1_bias)
    coarse_1 = Relu (coarse_1_sum)
    coarse_2_sum = Conv <pads = [1, 1, 1, 1]> (coarse_1, coarse_2_kernel, coarse_2_bias)
    coarse_2 = Relu (coarse_2_sum)

    coarse_flat = Conv (coarse_2, coarse_to_middle_kernel, coarse_to_middle_bias)
    coarse = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",
        nearest_mode = "floor"> (coarse_flat, "", twice)
    middle = Add (middle_2, coarse)
    large_twice = Conv (middle, middle_to_fine_kernel, middle_to_fine_bias)
    large_last = Transpose <perm = [0, 2, 3, 1]> (large_twice)
    large_rows = Reshape (large_last, as_rows)
    large_doubled = Concat <axis = 2> (large_rows, large_rows)
    large_apart = Reshape (large_doubled, fine_shape)
    large = Transpose <perm = [0, 3, 1, 2]> (large_apart)
    fine = Add (fine_2, large)

    head_0_sum = Conv <pads = [1, 1, 1, 1]> (fine, head_0_kernel, head_0_bias)
    head_0 = Relu (head_0_sum)
    values = Conv <pads = [1, 1, 1, 1]> (head_0, head_1_kernel, head_1_bias)
    logits, places = Split <axis = 1> (values, parts)
    chances = Sigmoid (logits)
    head = Concat <axis = 1> (chances, places)
}
"""
CONSTANTS = {
    "channels_last": np.array([0, 2, 3, 1]),
    "by_four": np.array([1, 4, 4, 1]),
    "of_32": np.array([1, 1, 1, 32]),
    "as_fours": np.array([0, 0, 0, -1, 4]),
    "channel": np.array([1]),
    "as_16": np.array([0, 0, -1, 16]),
    "as_rows": np.array([0, 0, -1]),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "parts": np.array([3, 4]),
}


def lay_out(layers: Mapping[str, Layer]) -> onnx.ModelProto:
    """The network for float pages (n, 1, h, w), h and w multiples of 16.

    Args:
        layers: of `checkbox_network`, by their names in the graph.
    """
    wide = dict(layers)
    wide["fine_0"] = side_by_side(layers["fine_0"], taken=4, made=2, blocks=2, first=3, step=2)
    wide["middle_to_fine"] = side_by_side(
        layers["middle_to_fine"], taken=1, made=2, blocks=1, first=0, step=0
    )
    numbers: dict[str, Any] = dict(CONSTANTS)
    numbers |= {f"{name}_kernel": kernel for name, (kernel, _) in wide.items()}
    numbers |= {f"{name}_bias": bias for name, (_, bias) in wide.items()}
    model = parser.parse_model(GRAPH)
    for name, value in numbers.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.checker.check_model(model, full_check=True)
    return model


def side_by_side(
    layer: Layer, *, taken: int, made: int, blocks: int, first: int, step: int
) -> Layer:
    """A layer that takes blocks of a row's pixels as channels, and makes such blocks.

    Args:
        layer: the layer on pixels.
        taken, made: pixels in a block of what it takes, and of what it makes.
        blocks: how many of them, side by side, the new kernel sees.
        first: the pixel, counted from the first in these, where the old kernel begins.
        step: how many pixels further it begins for the next pixel made.
    """
    kernel, bias = layer
    outputs, inputs, height, width = kernel.shape
    wide = np.zeros((made, outputs, inputs, height, blocks * taken), np.float32)
    for pixel in range(made):
        start = first + pixel * step
        wide[pixel, ..., start : start + width] = kernel
    wide = wide.reshape(made, outputs, inputs, height, blocks, taken).transpose(0, 1, 5, 2, 3, 4)
    return wide.reshape(made * outputs, taken * inputs, height, blocks), np.tile(bias, made)


def layers_of(network: Path) -> dict[str, Layer]:
    """The layers in an ONNX file that `training.checkbox` wrote, by their names in the graph."""
    model = onnx.load(network)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    layers = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            # `fine_0` of `/network/fine/fine.0/fine.0.0/Conv`, or the stage where it has no layers.
            stage, *inner = node.name.split("/")[2:-1]
            name = (inner or [stage])[0].replace(".", "_")
            layers[name] = tensors[node.input[1]], tensors[node.input[2]]
    return layers


def keep_mean(layer: Layer, mean: float, steps: int) -> Layer:
    """A layer of one channel in, its weights rounded, of each channel out to steps of its own.

    What a weight loses counts most where its input is nearly always the same, as paper is on a
    page: the layer's answer moves as a whole. The bias puts that right (as in Nagel et al.,
    Data-free quantization, 2019).

    Args:
        layer: the layer.
        mean: of its input.
        steps: on either side of 0.
    """
    kernel, bias = layer
    step = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / steps
    near = np.asarray(np.round(kernel / step) * step, np.float32)
    lost = (kernel - near).sum(axis=(1, 2, 3))
    return near, np.asarray(bias + mean * lost, np.float32)

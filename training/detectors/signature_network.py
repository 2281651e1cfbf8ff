"""The signature detector's network: features learnt for reading, and a head that looks far.

The features are those of a text detector, taken from its ONNX file (the OCR server's
`det_tiny.onnx`: PP-OCRv6, Apache-2.0) with its weights and trained further; they know print and pen
strokes from more pages than could be composed. The head is new: a pyramid whose coarsest level
sees most of the page, since what makes a scrawl a signature is where it stands.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

FEATURES = ("Add.65", "Add.121", "Add.153")
"""Values of `det_tiny.onnx` at strides 8, 16 and 32."""
KEPT = "Add.33"
"""The value at stride 4. What it is made by stays as it is: edges and strokes are the same here."""
FEATURE_WIDTHS = 48, 64, 160
MEANS = 0.485, 0.456, 0.406
DEVIATIONS = 0.229, 0.224, 0.225
GREY_MEAN, GREY_DEVIATION = 0.449, 0.226
"""What the text detector's input was normalised by, a channel and on the whole."""


class OnnxFeatures(nn.Module):
    """Values inside an ONNX graph, most of its weights trainable.

    Args:
        path: the ONNX file of a network on colour pages.
        names: the values wanted.
        kept: the weights of what this value is made by are not trained.

    Raises:
        ValueError: the graph has an operator on the way to them that is not known here.
    """

    def __init__(self, path: Path, names: tuple[str, ...], kept: str) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        self.names, self.input = names, graph.input[0].name
        self.nodes = _needed(graph, names)
        self.constants: dict[str, float] = {}
        self.weights = nn.ParameterDict()
        for tensor in graph.initializer:
            if any(tensor.name in node.input for node in self.nodes):
                value = numpy_helper.to_array(tensor)
                if value.size == 1 and value.ndim <= 1:
                    self.constants[tensor.name] = float(value.reshape(()))
                else:
                    self.weights[_key(tensor.name)] = torch.tensor(value.astype(np.float32))
        self._take_grey(self.nodes[0])
        for node in _needed(graph, (kept,)):
            for name in node.input:
                if _key(name) in self.weights:
                    self.weights[_key(name)].requires_grad_(False)

    def _take_grey(self, first: onnx.NodeProto) -> None:
        """Let the first convolution take one grey channel, normalised as a whole."""
        kernel, bias = (self.weights[_key(name)].data for name in first.input[1:3])
        spread = torch.tensor([GREY_DEVIATION / deviation for deviation in DEVIATIONS])
        pairs = zip(MEANS, DEVIATIONS, strict=True)
        shift = torch.tensor([(GREY_MEAN - mean) / deviation for mean, deviation in pairs])
        bias += (kernel * shift[None, :, None, None]).sum((1, 2, 3))
        grey = (kernel * spread[None, :, None, None]).sum(1, keepdim=True)
        self.weights[_key(first.input[1])] = nn.Parameter(grey)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """(n, 1, h, w) pages in [0, 1] to the values named."""
        values = {self.input: (image - GREY_MEAN) / GREY_DEVIATION}
        for node in self.nodes:
            given = [self._value(name, values) for name in node.input]
            values[node.output[0]] = _run(node, given)
        return [values[name] for name in self.names]

    def _value(self, name: str, values: dict[str, torch.Tensor]) -> torch.Tensor | float:
        if name in values:
            return values[name]
        if name in self.constants:
            return self.constants[name]
        weight: torch.Tensor = self.weights[_key(name)]
        return weight


def _key(name: str) -> str:
    return name.replace(".", "_")


def _needed(graph: onnx.GraphProto, names: tuple[str, ...]) -> list[onnx.NodeProto]:
    """The nodes that `names` are made by, in order, Gelu's five nodes as one."""
    wanted, kept = set(names), []
    for node in reversed(graph.node):
        if node.output[0] in wanted:
            kept.append(node)
            wanted.update(node.input)
    kept.reverse()
    fused: list[onnx.NodeProto] = []
    while kept:
        if [node.op_type for node in kept[:5]] == ["Div", "Erf", "Add", "Mul", "Mul"]:
            fused.append(helper.make_node("Gelu", [kept[0].input[0]], [kept[4].output[0]]))
            del kept[:5]
        else:
            fused.append(kept.pop(0))
    return fused


def _run(node: onnx.NodeProto, given: list[torch.Tensor | float]) -> torch.Tensor:
    """What a node makes of its inputs."""
    options = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    first = given[0]
    if not isinstance(first, torch.Tensor):
        raise ValueError(f"{node.op_type} of a constant is not known here")
    if options.get("auto_pad") == b"SAME_UPPER":
        first = functional.pad(first, (0, 1, 0, 1))
    if node.op_type == "Conv":
        pads = options.get("pads", [0, 0])[:2]
        strides, groups = options["strides"], options["group"]
        return functional.conv2d(first, *given[1:], stride=strides, padding=pads, groups=groups)
    if node.op_type == "MaxPool":
        return functional.max_pool2d(first, options["kernel_shape"], options["strides"])
    if node.op_type not in POINTWISE:
        raise ValueError(f"{node.op_type} is not known here")
    return POINTWISE[node.op_type](first, *given[1:])


POINTWISE: Mapping[str, Callable[..., torch.Tensor]] = {
    "Add": torch.add,
    "Concat": lambda *parts: torch.cat(parts, 1),
    "Gelu": functional.gelu,
    "HardSigmoid": functional.hardsigmoid,
    "Mul": torch.mul,
    "ReduceMean": lambda features: features.mean((2, 3), keepdim=True),
    "Relu": functional.relu,
}
"""Operators without options that matter here."""


class Far(nn.Module):
    """Residual 3 x 3 convolution with gaps: looks `gap` cells to every side."""

    def __init__(self, width: int, gap: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, 3, padding=gap, dilation=gap)
        self.mix = nn.Conv2d(width, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(functional.relu(self.look(features)))
        return features + mixed


class SignatureNetwork(nn.Module):
    """Stride 8; head: objectness, log distances to the left, top, right and bottom side.

    Args:
        text_detector: path of `det_tiny.onnx`.
        width: channels of the new part.
    """

    def __init__(self, text_detector: Path, width: int = 64) -> None:
        super().__init__()
        self.features = OnnxFeatures(text_detector, FEATURES, KEPT)
        fine, middle, coarse = FEATURE_WIDTHS
        self.coarse = nn.Sequential(
            nn.Conv2d(coarse, width, 1), Far(width, 1), Far(width, 2), Far(width, 4), Far(width, 8)
        )
        self.middle = nn.Conv2d(middle, width, 1)
        self.middle_out = nn.Sequential(Far(width, 1), Far(width, 3))
        self.fine = nn.Conv2d(fine, width, 1)
        last = nn.Conv2d(width, 5, 3, padding=1)
        self.head = nn.Sequential(Far(width, 1), nn.ReLU(), last)
        if last.bias is not None:
            nn.init.constant_(last.bias[:1], -3.0)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(n, 1, h, w) pages in [0, 1] to the (n, 5, h / 8, w / 8) raw head."""
        fine, middle, coarse = self.features(image)
        merged = self.middle(middle) + _double(self.coarse(coarse))
        out: torch.Tensor = self.head(self.fine(fine) + _double(self.middle_out(merged)))
        return out


def _double(features: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")

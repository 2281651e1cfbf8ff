"""The checkbox detector's network, and how the detectors' networks become ONNX files.

It is a small feature pyramid on a grey page in [0, 1] (1 = paper): three scales down, two merges
up, one dense head. It takes pages of any size that is a multiple of 16.
"""

from functools import partial
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional


class Block(nn.Sequential):
    """3 x 3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Pyramid(nn.Module):
    """Features at three strides, merged top-down into the finest.

    Args:
        fine, middle, coarse: the stages; each halves what it gets at least once.
        widths: channels of the three.
        outputs: channels of the head.
        prior: the head's bias at the start; negative where the wanted is rare.
    """

    def __init__(
        self,
        fine: nn.Module,
        middle: nn.Module,
        coarse: nn.Module,
        widths: tuple[int, int, int],
        outputs: int,
        prior: float,
    ) -> None:
        super().__init__()
        self.fine, self.middle, self.coarse = fine, middle, coarse
        self.coarse_to_middle = nn.Conv2d(widths[2], widths[1], 1)
        self.middle_to_fine = nn.Conv2d(widths[1], widths[0], 1)
        last = nn.Conv2d(widths[0], outputs, 3, 1, 1)
        if last.bias is not None:
            nn.init.constant_(last.bias, prior)
        self.head = nn.Sequential(Block(widths[0], widths[0]), last)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(n, 1, h, w) page to (n, outputs, h / stride, w / stride) raw head."""
        fine = self.fine(image)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        middle = middle + _double(self.coarse_to_middle(coarse))
        fine = fine + _double(self.middle_to_fine(middle))
        out: torch.Tensor = self.head(fine)
        return out


def _double(features: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


def checkbox_network(width: int = 16) -> Pyramid:
    """Stride 4; head: objectness, checked, circle, dx, dy, log width, log height."""
    w = width
    return Pyramid(
        nn.Sequential(Block(1, w, 2), Block(w, 2 * w, 2), Block(2 * w, 2 * w)),
        nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w), Block(4 * w, 4 * w)),
        nn.Sequential(Block(4 * w, 6 * w, 2), Block(6 * w, 6 * w), Block(6 * w, 6 * w)),
        (2 * w, 4 * w, 6 * w),
        outputs=7,
        prior=-3.0,
    )


class _Scored(nn.Module):
    """A network whose first `scores` outputs are turned into chances."""

    def __init__(self, network: nn.Module, scores: int) -> None:
        super().__init__()
        self.network, self.scores = network, scores

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        out = self.network(image)
        chances = torch.sigmoid(out[:, : self.scores])
        return torch.cat([chances, out[:, self.scores :]], 1)


def export_onnx(network: nn.Module, scores: int, path: Path) -> None:
    """Write the network for float32 pages (n, 1, h, w) of any size, its `scores` as chances."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {0: "pages", 2: "height", 3: "width"}
    torch.onnx.export(
        _Scored(network, scores).eval(),
        (torch.zeros(1, 1, 256, 192),),
        str(path),
        input_names=["image"],
        output_names=["head"],
        dynamic_axes={"image": axes, "head": axes},
        opset_version=17,
        dynamo=False,
    )


def resume_onnx(network: nn.Module, path: Path, images: torch.Tensor) -> None:
    """Set the network to an ONNX file that `export_onnx` wrote of it, ready to learn on.

    Exporting folds every batch normalisation into its convolution. Here it is unfolded again with
    the mean and variance that the convolution has on `images`, so that the network says the same.

    Args:
        images: (n, 1, h, w) typical pages or crops in [0, 1].

    Raises:
        ValueError: the file is of another network.
    """
    model = onnx.load(path)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    folded = [node.input[1:3] for node in model.graph.node if node.op_type == "Conv"]
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    norms = {block[0]: block[1] for block in network.modules() if isinstance(block, Block)}
    if [tensors[kernel].shape for kernel, _ in folded] != [layer.weight.shape for layer in layers]:
        raise ValueError(f"{path} holds another network's convolutions")
    seen: dict[nn.Module, torch.Tensor] = {}
    hooks = [layer.register_forward_hook(partial(_keep_output, seen)) for layer in norms]
    with torch.no_grad():
        for (kernel, bias), layer in zip(folded, layers, strict=True):
            layer.weight.copy_(torch.tensor(tensors[kernel]))
            norm = norms.get(layer)
            (layer.bias if norm is None else norm.bias).copy_(torch.tensor(tensors[bias]))
            if norm is not None:
                norm.running_var.fill_(1 - norm.eps)
        network.eval()(images)
        for layer, norm in norms.items():
            variance, mean = torch.var_mean(seen[layer], dim=(0, 2, 3))
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_(torch.sqrt(variance + norm.eps))
            norm.bias.add_(mean)
    for hook in hooks:
        hook.remove()


def resume_named(network: nn.Module, path: Path) -> None:
    """Set the network to an ONNX file that `export_onnx` wrote of it, where nothing was folded.

    Raises:
        ValueError: the file is of another network.
    """
    tensors = {
        tensor.name.removeprefix("network."): numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
    }
    state = network.state_dict()
    if any(name not in tensors or tensors[name].shape != state[name].shape for name in state):
        raise ValueError(f"{path} holds another network's weights")
    network.load_state_dict({name: torch.tensor(tensors[name]) for name in state})


def _keep_output(
    seen: dict[nn.Module, torch.Tensor], layer: nn.Module, _: object, output: torch.Tensor
) -> None:
    seen[layer] = output

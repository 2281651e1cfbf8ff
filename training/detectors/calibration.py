"""Makes a detector's scores mean what they say.

Focal training leaves scores that rank well and are no chances. On pages kept aside every found box
is right or wrong; Platt's method (1999) fits chance = sigmoid(slope * logit + shift) to that, and
the fit is folded into the first output channel of the network's last convolution.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Floats = NDArray[np.float64]


def fit_platt(scores: Floats, right: Floats) -> tuple[float, float]:
    """Slope and shift that make `scores` (n,) in (0, 1) the chances of `right` (n,) in {0, 1}."""
    slope, shift = fit_chances(np.log(scores / (1 - scores))[:, None], right)
    return float(slope), float(shift)


def fit_chances(logits: Floats, right: Floats, rounds: int = 50) -> Floats:
    """Slopes (k,) and a shift that make the chance of `right` (n,) of `logits` (n, k): (k + 1,).

    Newton's method, each step halved until it helps, on the cross-entropy with Platt's smoothed
    targets, which keep the fit finite when both kinds are separable.
    """
    hits, misses = right.sum(), (1 - right).sum()
    target = np.where(right > 0, (hits + 1) / (hits + 2), 1 / (misses + 2))
    design = np.column_stack([logits, np.ones(len(logits))])
    weights = np.zeros(design.shape[1])
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (chance - target)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-6 * np.eye(len(weights)), gradient)
        before = _entropy(design @ weights, target)
        while _entropy(design @ (weights - step), target) > before and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
    return weights


def _entropy(logits: Floats, target: Floats) -> float:
    """Cross-entropy of logits (n,) with chances (n,)."""
    return float((np.logaddexp(0, logits) - target * logits).sum())


def fold(path: Path, slope: float, shift: float) -> None:
    """Apply the fit to the scores of the network in `path`, in place."""
    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    kernel, bias = (numpy_helper.to_array(tensors[name]).copy() for name in last.input[1:3])
    kernel[0] *= slope
    bias[0] = bias[0] * slope + shift
    tensors[last.input[1]].CopyFrom(numpy_helper.from_array(kernel, last.input[1]))
    tensors[last.input[2]].CopyFrom(numpy_helper.from_array(bias, last.input[2]))
    onnx.checker.check_model(model)
    onnx.save(model, path)

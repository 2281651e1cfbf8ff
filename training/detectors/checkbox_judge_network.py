"""The judge of proposed checkboxes, and how it becomes an ONNX file."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from servers.checkbox.crops import CROP_PX
from servers.checkbox.judge import BATCH
from training.detectors.networks import Block

LEAST_CHANCE = 1e-4
MOST_LOGIT = 8.0
"""The judge's logits count up to here, so that it is never so sure that the proposer counts for
nothing, and no chance is rounded to 1."""


class Eye(nn.Sequential):
    """A 48 x 48 picture to 2 `outputs` features: the means and the greatest of its 6 x 6 cells."""

    def __init__(self, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(1, 16, 5, 2, 2, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            Block(16, 32, 2),
            Block(32, 32),
            Block(32, 48, 2),
            Block(48, outputs),
        )


class JudgeNetwork(nn.Module):
    """Two eyes, for the near and the far picture, and what both say together: box, checked, circle.

    The state is read from the near picture's features and the far one's alike.
    """

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.near, self.far = Eye(features), Eye(features)
        cells = (CROP_PX // 8) ** 2
        self.layout = nn.Conv2d(features, 8, 1)
        self.head = nn.Sequential(
            nn.Linear(4 * features + 8 * cells, 64),
            nn.ReLU(inplace=True),
            nn.Dropout(0.1),
            nn.Linear(64, 3),
        )

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """(n, 2, 48, 48) in [0, 1] to (n, 3) logits."""
        near, far = self.near(crops[:, :1]), self.far(crops[:, 1:])
        pooled = [f(x) for x in (near, far) for f in (_mean, _greatest)]
        out: torch.Tensor = self.head(torch.cat([*pooled, self.layout(near).flatten(1)], 1))
        return out


def _mean(features: torch.Tensor) -> torch.Tensor:
    return features.mean(dim=(2, 3))


def _greatest(features: torch.Tensor) -> torch.Tensor:
    return features.amax(dim=(2, 3))


class Fused(nn.Module):
    """The judge with the proposing network's chances weighed in.

    Args:
        network: the judge.
        fits: (3, 3); for each of box, checked, circle: the weight of the proposing network's logit,
            of the judge's, and a shift.
    """

    def __init__(self, network: JudgeNetwork, fits: NDArray[np.float64]) -> None:
        super().__init__()
        self.network = network
        self.fits = nn.Parameter(torch.tensor(fits, dtype=torch.float32), requires_grad=False)

    def forward(self, crops: torch.Tensor, proposed: torch.Tensor) -> torch.Tensor:
        """(n, 2, 48, 48) uint8 and (n, 3) chances to (n, 3) chances."""
        judged = self.network(crops.float() / 255).clamp(-MOST_LOGIT, MOST_LOGIT)
        chances = proposed.clamp(LEAST_CHANCE, 1 - LEAST_CHANCE)
        logits = torch.log(chances) - torch.log(1 - chances)
        return torch.sigmoid(logits * self.fits[:, 0] + judged * self.fits[:, 1] + self.fits[:, 2])


def export_judge(network: JudgeNetwork, fits: NDArray[np.float64], path: Path) -> None:
    """Write the fused judge for batches of `BATCH` boxes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        Fused(network, fits).eval(),
        (torch.zeros(BATCH, 2, CROP_PX, CROP_PX, dtype=torch.uint8), torch.zeros(BATCH, 3)),
        str(path),
        input_names=["crops", "proposed"],
        output_names=["chances"],
        opset_version=17,
        dynamo=False,
    )

"""The loop that trains a network further whose features come from another task."""

import copy
import math
from collections.abc import Iterable

import torch
from torch import nn

from training.detectors.learning import Journal, Loss, Source, course, descend
from training.detectors.signature_network import SignatureNetwork

KEPT = 0.998
"""What the running mean of the weights keeps of itself at each step."""
WARM_STEPS = 100
LEAST_RATE = 1e-6
MOST_GRADIENT = 2.0
FEATURES_SHARE = 0.3
"""How fast the features learn, relative to what is new."""


def finetune(
    network: SignatureNetwork,
    source: Source,
    loss_of: Loss,
    *,
    steps: int,
    minutes: float = math.inf,
    batch: int = 2,
    rate: float = 1e-3,
    seed: int = 0,
) -> None:
    """Train `network` in place: AdamW, cosine decay, bfloat16; left as the running mean of steps.

    With a limit in `minutes` the decay follows whichever of steps and time is further on, and the
    steps done are printed.

    Args:
        network: its `features` learn more slowly than the rest; what they keep is not trained.
        source: seed to endless samples; the first array of each is the (1, h, w) image in [0, 1],
            the others are its targets.
        loss_of: head (float32) and the batch's targets to a scalar.
    """
    network.to(memory_format=torch.channels_last).train()
    mean = copy.deepcopy(network)
    slow = [weight for weight in network.features.parameters() if weight.requires_grad]
    known = {id(weight) for weight in network.features.parameters()}
    quick = [weight for weight in network.parameters() if id(weight) not in known]
    groups = [{"params": quick, "share": 1.0}, {"params": slow, "share": FEATURES_SHARE}]
    optimiser = torch.optim.AdamW(groups, rate, weight_decay=1e-3)
    journal = Journal(steps)
    way = course(
        source, steps=steps, minutes=minutes, batch=batch, warm_steps=WARM_STEPS, seed=seed
    )
    for step in way:
        for group in optimiser.param_groups:
            group["lr"] = rate * step.pace * group["share"] + LEAST_RATE
        journal.note(step, descend(network, optimiser, loss_of, step, MOST_GRADIENT))
        kept = min(KEPT, (step.number + 1) / (step.number + 10))
        _follow(mean.parameters(), network.parameters(), kept)
    network.load_state_dict(mean.state_dict())
    network.eval()


def _follow(means: Iterable[nn.Parameter], weights: Iterable[nn.Parameter], kept: float) -> None:
    """Move every running mean towards its weight."""
    for mean, weight in zip(means, weights, strict=True):
        mean.data.lerp_(weight.data, 1 - kept)

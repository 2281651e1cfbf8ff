"""The loop that trains a network further whose features come from another task."""

import copy
import math
import time
from collections.abc import Iterable

import torch
from torch import nn
from torch.utils.data import DataLoader

from training.detectors.learning import Loss, Source, Stream
from training.detectors.signature_network import SignatureNetwork

KEPT = 0.998
"""What the running mean of the weights keeps of itself at each step."""
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
    loader = DataLoader(Stream(source, seed), batch_size=batch, num_workers=1)
    network.to(memory_format=torch.channels_last).train()
    mean = copy.deepcopy(network)
    slow = [weight for weight in network.features.parameters() if weight.requires_grad]
    known = {id(weight) for weight in network.features.parameters()}
    quick = [weight for weight in network.parameters() if id(weight) not in known]
    groups = [{"params": quick, "share": 1.0}, {"params": slow, "share": FEATURES_SHARE}]
    optimiser = torch.optim.AdamW(groups, rate, weight_decay=1e-3)
    started, running = time.monotonic(), 0.0
    for step, (images, *targets) in enumerate(loader):
        spent = time.monotonic() - started
        progress = max(step / steps, spent / (60 * minutes))
        if progress >= 1:
            print(f"stopped after {step} steps, {spent:.0f} s", flush=True)
            break
        pace = rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group["lr"] = pace * group["share"] + 1e-6
        with torch.autocast("cpu", torch.bfloat16):
            head = network(images.to(memory_format=torch.channels_last))
        loss = loss_of(head.float(), targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        _follow(mean.parameters(), network.parameters(), min(KEPT, (step + 1) / (step + 10)))
        running += loss.item()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{steps} loss {running / 50:.3f} {spent:.0f} s", flush=True)
            running = 0.0
    network.load_state_dict(mean.state_dict())
    network.eval()


def _follow(means: Iterable[nn.Parameter], weights: Iterable[nn.Parameter], kept: float) -> None:
    """Move every running mean towards its weight."""
    for mean, weight in zip(means, weights, strict=True):
        mean.data.lerp_(weight.data, 1 - kept)

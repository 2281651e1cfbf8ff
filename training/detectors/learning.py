"""The training loop that both detectors share."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

Arrays = tuple[NDArray[np.float32], ...]
Tensors = list[torch.Tensor]
Source = Callable[[int], Iterator[Arrays]]
Loss = Callable[[torch.Tensor, Tensors], torch.Tensor]


class Stream(IterableDataset[Arrays]):
    """Endless samples; every worker process draws its own from its own seed."""

    def __init__(self, source: Source, seed: int) -> None:
        self._source, self._seed = source, seed

    def __iter__(self) -> Iterator[Arrays]:
        worker = torch.utils.data.get_worker_info()
        return self._source(self._seed + (worker.id if worker else 0))


def learn(
    network: nn.Module,
    source: Source,
    loss_of: Loss,
    *,
    steps: int,
    minutes: float = math.inf,
    batch: int = 8,
    rate: float = 2e-3,
    seed: int = 0,
) -> None:
    """Train `network` in place for `steps` batches: AdamW, cosine decay, bfloat16 convolutions.

    With a limit in `minutes` the decay follows whichever of steps and time is further on, and the
    steps done are printed; the same number of steps without a limit repeats the run.

    Args:
        source: seed to endless samples; the first array of each is the (1, h, w) image in [0, 1],
            the others are its targets.
        loss_of: head (float32) and the batch's targets to a scalar.
    """
    torch.manual_seed(seed)
    loader = DataLoader(Stream(source, seed), batch_size=batch, num_workers=1)
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-3)
    started, running = time.monotonic(), 0.0
    for step, (images, *targets) in enumerate(loader):
        spent = time.monotonic() - started
        progress = max(step / steps, spent / (60 * minutes))
        if progress >= 1:
            print(f"stopped after {step} steps, {spent:.0f} s", flush=True)
            break
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5
        with torch.autocast("cpu", torch.bfloat16):
            head = network(images.to(memory_format=torch.channels_last))
        loss = loss_of(head.float(), targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        running += float(loss)
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{steps} loss {running / 50:.3f} {spent:.0f} s", flush=True)
            running = 0.0
    network.eval()


def load_state(network: nn.Module, path: Path | None) -> None:
    """Go on from the state in `path`, if there is such a file."""
    if path is not None and path.is_file():
        network.load_state_dict(torch.load(path, weights_only=True))
        print(f"going on from {path}")


def save_state(network: nn.Module, path: Path | None) -> None:
    """Keep the state in `path`, if one is named."""
    if path is not None:
        torch.save(network.state_dict(), path)


def focal(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Focal cross-entropy (Lin et al. 2017, gamma 2) over `weight`, per positive cell."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    miss = (1 - torch.exp(-entropy)) ** 2
    return (weight * miss * entropy).sum() / (target.sum() + 1)

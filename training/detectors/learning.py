"""The training loop of a network from scratch, and the parts that a further training shares."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

WARM_STEPS = 50
LEAST_RATE = 1e-5
MOST_GRADIENT = 5.0


class Stream(IterableDataset[Arrays]):
    """Endless samples; every worker process draws its own from its own seed."""

    def __init__(self, source: Source, seed: int) -> None:
        self._source, self._seed = source, seed

    def __iter__(self) -> Iterator[Arrays]:
        worker = torch.utils.data.get_worker_info()
        return self._source(self._seed + (worker.id if worker else 0))


@dataclass(frozen=True, slots=True)
class Step:
    """One batch on the way.

    Attributes:
        number: from 0.
        pace: of the full learning rate, in [0, 1]: warmed up, then along half a cosine.
        images, targets: the batch, as the source gives them.
    """

    number: int
    pace: float
    images: torch.Tensor
    targets: Tensors


def course(
    source: Source, *, steps: int, minutes: float, batch: int, warm_steps: int, seed: int
) -> Iterator[Step]:
    """The batches of a run. It ends after `steps` or `minutes`, whichever is first, and says so."""
    loader = DataLoader(Stream(source, seed), batch_size=batch, num_workers=1)
    started = time.monotonic()
    for number, (images, *targets) in enumerate(loader):
        spent = time.monotonic() - started
        progress = max(number / steps, spent / (60 * minutes))
        if progress >= 1:
            print(f"stopped after {number} steps, {spent:.0f} s", flush=True)
            return
        warm = min(1.0, (number + 1) / warm_steps)
        pace = warm * (0.5 + 0.5 * math.cos(math.pi * progress))
        yield Step(number, pace, images, targets)


def descend(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    loss_of: Loss,
    step: Step,
    most_gradient: float,
) -> float:
    """One step downwards, convolutions in bfloat16; the loss before it.

    Args:
        most_gradient: the gradient's norm is clipped to this.
    """
    with torch.autocast("cpu", torch.bfloat16):
        head = network(step.images.to(memory_format=torch.channels_last))
    loss = loss_of(head.float(), step.targets)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), most_gradient)
    optimiser.step()
    before: float = loss.item()
    return before


class Journal:
    """Prints the mean loss of every `EVERY` steps."""

    EVERY = 50

    def __init__(self, steps: int) -> None:
        self._steps, self._losses = steps, list[float]()
        self._started = time.monotonic()

    def note(self, step: Step, loss: float) -> None:
        """Count one step."""
        self._losses.append(loss)
        if len(self._losses) == self.EVERY:
            mean = sum(self._losses) / self.EVERY
            spent = time.monotonic() - self._started
            print(f"step {step.number + 1}/{self._steps} loss {mean:.3f} {spent:.0f} s", flush=True)
            self._losses.clear()


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
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-3)
    journal = Journal(steps)
    way = course(
        source, steps=steps, minutes=minutes, batch=batch, warm_steps=WARM_STEPS, seed=seed
    )
    for step in way:
        for group in optimiser.param_groups:
            group["lr"] = rate * step.pace + LEAST_RATE
        journal.note(step, descend(network, optimiser, loss_of, step, MOST_GRADIENT))
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

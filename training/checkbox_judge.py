"""Train the judge: the small network that takes a second look at each proposed checkbox.

    pip install -e ".[cpu,train]"
    nice python -m training.checkbox_judge --data DATA --crops FOLDER --out ONNX

The proposing network (`--proposer`, trained by `training.checkbox`) runs over pages that are
composed, filled or scanned like its own; what it proposes is cut out, right or wrong, and kept in
FOLDER, to which `--mine-only` adds more. The judge learns from these. Last, both networks' chances
are weighed and calibrated together on form families and composed pages that neither was trained
on, and the quality there is printed.
"""

import argparse
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import LEAST_PROPOSAL, PROPOSER, WEIGHTS
from servers.checkbox.propose import Proposer
from training.detectors.calibration import fit_chances
from training.detectors.checkbox_crops import (
    LONG_SIDE_PX,
    Propose,
    Samples,
    join,
    load_samples,
    page_samples,
    worn_page,
    worn_pages,
)
from training.detectors.checkbox_judge_network import (
    LEAST_CHANCE,
    MOST_LOGIT,
    JudgeNetwork,
    export_judge,
)
from training.detectors.checkbox_pages import PageMaker, kept_aside_pages
from training.detectors.faces import Faces, find_faces
from training.detectors.learning import load_state, save_state
from training.detectors.templates import scanned_forms

PAGES_A_FILE = 100
VALIDATION_PAGES = 60
VALIDATION_SEED = (1 << 61) + (1 << 40)
BATCH = 128
RATE = 2e-3
ITEMS = ("box", "checked", "circle")
LOSS_WEIGHTS = 1.0, 1.0, 0.2
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def proposer(path: Path) -> Propose:
    """The proposing network behind the server's own code."""
    opened = Proposer(path, CheckboxConfig(intra_op_threads=1))
    return lambda page: opened.propose(page, LEAST_PROPOSAL)


def mine(data: Path, faces: Faces, propose: Propose, folder: Path, pages: int, seed: int) -> None:
    """Add the samples of so many pages to `folder`, a file for every hundred."""
    rng = np.random.default_rng(seed)
    source = worn_pages(PageMaker(data, faces), rng)
    for first in range(0, pages, PAGES_A_FILE):
        started = time.monotonic()
        parts = []
        for _, (page, complete) in zip(
            range(min(PAGES_A_FILE, pages - first)), source, strict=False
        ):
            parts.append(page_samples(page, propose, rng, complete=complete))
        samples = join(parts)
        samples.save(folder / f"{seed:04d}-{first:06d}.npz")
        shares = " ".join(
            f"{name} {np.mean(samples.truth[:, i] == 1):.2f}" for i, name in enumerate(ITEMS)
        )
        spent = time.monotonic() - started
        print(f"{len(samples.truth)} samples ({shares}) of {len(parts)} pages, {spent:.0f} s")


def validation_samples(data: Path, faces: Faces, propose: Propose) -> Samples:
    """Proposals on pages that nothing was trained on, as they are found, each cut out once."""
    rng = np.random.default_rng(VALIDATION_SEED)
    parts = [
        page_samples(page, propose, rng, complete=False, cuts=1)
        for page in scanned_forms(data, validation=True)
    ]
    for page in kept_aside_pages(faces, VALIDATION_SEED, VALIDATION_PAGES):
        shown = worn_page(page, math.exp(rng.uniform(*np.log(LONG_SIDE_PX))), rng)
        parts.append(page_samples(shown, propose, rng, complete=True, cuts=1))
    return join(parts)


def learn(network: JudgeNetwork, samples: Samples, *, epochs: int, minutes: float) -> None:
    """Train in place: AdamW, cosine decay; half of every batch is boxes, half is what is none."""
    rng = np.random.default_rng(torch.initial_seed())
    kinds = [np.flatnonzero(samples.truth[:, 0] == kind) for kind in (0, 1)]
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    steps = epochs * (len(samples.truth) // BATCH)
    started, running = time.monotonic(), 0.0
    network.to(memory_format=torch.channels_last).train()
    for step in range(steps):
        spent = time.monotonic() - started
        progress = max(step / steps, spent / (60 * minutes))
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / 100)
            group["lr"] = RATE * warm * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5
        chosen = np.concatenate([rng.choice(kind, BATCH // 2) for kind in kinds])
        crops = torch.tensor(varied(samples.crops[chosen], rng))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(crops)
        loss = loss_of(logits.float(), torch.tensor(samples.truth[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        running += loss.item()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}/{steps} loss {running / 200:.4f} {spent:.0f} s", flush=True)
            running = 0.0
    network.eval()


def varied(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """The crops in [0, 1], each with another contrast, paper and grain."""
    count = len(crops)
    contrast = rng.uniform(0.6, 1.15, (count, 1, 1, 1)).astype(np.float32)
    paper = rng.uniform(-0.12, 0.03, (count, 1, 1, 1)).astype(np.float32)
    grain = rng.choice([0.0, 0.02, 0.05], (count, 1, 1, 1)).astype(np.float32)
    noise = rng.standard_normal(crops.shape, np.float32) * grain
    return np.clip(1 - (1 - crops.astype(np.float32) / 255) * contrast + paper + noise, 0, 1)


def loss_of(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of what is known of box, checked and circle."""
    loss = torch.zeros(())
    for index, weight in enumerate(LOSS_WEIGHTS):
        known = truth[:, index] >= 0
        if known.any():
            loss = loss + weight * functional.binary_cross_entropy_with_logits(
                logits[known, index], truth[known, index].float()
            )
    return loss


def judged(network: nn.Module, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logits (n, 3) of the judge alone, as far as they count."""
    with torch.no_grad():
        parts = [network(torch.tensor(crops[i : i + 512]) / 255) for i in range(0, len(crops), 512)]
    return np.asarray(torch.cat(parts).clamp(-MOST_LOGIT, MOST_LOGIT).double().numpy())


def fit(samples: Samples, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) weights of the proposing network's logit, of the judge's, and a shift, an item a row.

    No network counts against itself: where its weight comes out negative it is left out.
    """
    chances = np.clip(samples.chances.astype(np.float64), LEAST_CHANCE, 1 - LEAST_CHANCE)
    proposed = np.log(chances / (1 - chances))
    fits = np.zeros((3, 3))
    for index in range(3):
        known = samples.truth[:, index] >= 0
        right = samples.truth[known, index].astype(np.float64)
        both = np.column_stack([proposed[known, index], logits[known, index]])
        fits[index] = fit_chances(both, right)
        if fits[index, 0] < 0:
            fits[index] = [0.0, *fit_chances(both[:, 1:], right)]
        print(f"{ITEMS[index]}: proposed x {fits[index, 0]:.3f} + judged x {fits[index, 1]:.3f}")
    return fits


def show(samples: Samples, logits: NDArray[np.float64], fits: NDArray[np.float64]) -> None:
    """Print the judge's precision and recall among the proposals, and the state's accuracy."""
    proposed = np.clip(samples.chances.astype(np.float64), LEAST_CHANCE, 1 - LEAST_CHANCE)
    fused = np.log(proposed / (1 - proposed)) * fits[:, 0] + logits * fits[:, 1] + fits[:, 2]
    chances = 1 / (1 + np.exp(-fused))
    is_box = samples.truth[:, 0] == 1
    for threshold in THRESHOLDS:
        before, after = samples.chances[:, 0] >= threshold, chances[:, 0] >= threshold
        figures = " ".join(
            f"{name}: precision {(is_box & kept).sum() / max(kept.sum(), 1):.3f} "
            f"recall {(is_box & kept).sum() / is_box.sum():.3f};"
            for name, kept in (("proposed", before), ("judged", after))
        )
        print(f"threshold {threshold}: {figures}")
    for index in (1, 2):
        known = samples.truth[:, index] >= 0
        right = (chances[known, index] >= 0.5) == (samples.truth[known, index] == 1)
        before = (samples.chances[known, index] >= 0.5) == (samples.truth[known, index] == 1)
        print(f"{ITEMS[index]}: right {before.mean():.4f} proposed, {right.mean():.4f} judged")


def main() -> None:
    """Mine, train, fit, export, and print the quality on pages kept aside."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--crops", type=Path, required=True, help="folder of the mined samples")
    parser.add_argument("--out", type=Path, help="ONNX file to write")
    parser.add_argument("--proposer", type=Path, default=WEIGHTS / PROPOSER)
    parser.add_argument("--fonts", type=Path, action="append", default=[Path("/usr/share/fonts")])
    parser.add_argument("--pages", type=int, default=2400, help="to mine when FOLDER is empty")
    parser.add_argument("--mine-only", action="store_true", help="add to FOLDER and stop")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop training earlier")
    parser.add_argument("--state", type=Path, help="to go on from when it is there, and to keep")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    faces = find_faces(arguments.fonts)
    propose = proposer(arguments.proposer)
    if arguments.mine_only or not any(arguments.crops.glob("*.npz")):
        mine(arguments.data, faces, propose, arguments.crops, arguments.pages, arguments.seed)
    if arguments.mine_only or arguments.out is None:
        return
    samples = load_samples(arguments.crops)
    print(f"{len(samples.truth)} samples")
    network = JudgeNetwork()
    load_state(network, arguments.state)
    learn(network, samples, epochs=arguments.epochs, minutes=arguments.minutes)
    save_state(network, arguments.state)
    kept_aside = validation_samples(arguments.data, faces, propose)
    logits = judged(network, kept_aside.crops)
    fits = fit(kept_aside, logits)
    show(kept_aside, logits, fits)
    export_judge(network, fits, arguments.out)


if __name__ == "__main__":
    main()

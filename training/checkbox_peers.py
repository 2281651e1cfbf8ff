"""Fit the third look: how much a page's other boxes say of each.

    pip install -e ".[cpu,train]"
    nice python -m training.checkbox_peers --out JSON

Both networks (`--weights`) run over composed pages, half of them surveys, all new to them, and what
they say of every proposal is compared with the truth. The weights of `servers.checkbox.peers` are
fitted to that by logistic regression. Forms that were filled by the script are left out: they print
boxes that no label speaks of. Last, the quality is printed on composed pages that nothing was
fitted to.
"""

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.matching import f1
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.judge import Judge
from servers.checkbox.model import JUDGE, LEAST_PROPOSAL, PROPOSER, WEIGHTS
from servers.checkbox.peers import (
    BOX_FEATURES,
    STATE_FEATURES,
    box_features,
    find_peers,
    state_features,
    write_weights,
)
from servers.checkbox.propose import Proposer
from training.detectors.calibration import fit_chances
from training.detectors.checkbox_crops import LONG_SIDE_PX, UNKNOWN, truth_of, worn_page
from training.detectors.checkbox_pages import any_page, kept_aside_pages, overshoot
from training.detectors.faces import Faces, find_faces
from training.detectors.sheet import LabelledPage
from training.detectors.strokes import Random

PAGES = 60
MOST_BOXES = {1: 10, 0: 30}
MOST_STATES = {1: 20, 0: 20}
"""Of a page's proposals, so that pages full of boxes count for little more than others."""
VALIDATION_PAGES = 60
VALIDATION_SEED = (1 << 61) + (1 << 41)
SEED_STEP = 1 << 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of n proposals.

    Attributes:
        box: (n, 4) features of `BOX_FEATURES`.
        state: (n, 3) features of `STATE_FEATURES`.
        truth: (n, 3) box, checked, circle as 1, 0 or -1 when not known.
    """

    box: Floats
    state: Floats
    truth: NDArray[np.int8]


class Looker:
    """Both networks behind the server's own code.

    Args:
        weights: their folder.
    """

    def __init__(self, weights: Path) -> None:
        self._proposer = Proposer(weights / PROPOSER, CheckboxConfig(intra_op_threads=1))
        self._judge = Judge(weights / JUDGE, threads=1, device="cpu")

    def look(self, page: LabelledPage) -> Seen:
        """What the networks propose on a page, and what is true of it."""
        rects, proposed = self._proposer.propose(page.image, LEAST_PROPOSAL)
        crops, judged = self._judge.look(page.image, rects, proposed)
        if not len(rects):
            return Seen(
                np.zeros((0, len(BOX_FEATURES))),
                np.zeros((0, len(STATE_FEATURES))),
                np.zeros((0, 3), np.int8),
            )
        peers = find_peers(rects, judged[:, 0])
        return Seen(
            box_features(judged[:, 0], peers),
            state_features(judged[:, 1], crops, peers),
            truth_of(page, rects, judged, complete=True),
        )


def pages_to_fit(faces: Faces, seed: int, count: int) -> Iterator[LabelledPage]:
    """New worn pages, every second of a survey."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        page = any_page(seed * SEED_STEP + index, faces, survey=index % 2 == 1)
        overshoot(page, rng)
        yield _worn(page, rng)


def pages_to_judge(faces: Faces, count: int) -> Iterator[LabelledPage]:
    """Composed pages of seeds kept for this."""
    rng = np.random.default_rng(VALIDATION_SEED)
    for page in kept_aside_pages(faces, VALIDATION_SEED, count):
        yield _worn(page, rng)


def _worn(page: LabelledPage, rng: Random) -> LabelledPage:
    return worn_page(page, math.exp(rng.uniform(*np.log(LONG_SIDE_PX))), rng)


def fit(
    features: list[Floats], truths: list[NDArray[np.int8]], most: Mapping[int, int], rng: Random
) -> Floats:
    """Weights and shift of one answer.

    Args:
        features, truths: of each page: (n, k), and (n,) as 1, 0 or -1 when not known.
        most: how many proposals of a page are looked at, by what is true of them.
    """
    chosen = [
        np.concatenate(
            [rng.permutation(np.flatnonzero(truth == so))[:few] for so, few in most.items()]
        )
        for truth in truths
    ]
    right = [truth[few] for truth, few in zip(truths, chosen, strict=True)]
    rows = [page[few] for page, few in zip(features, chosen, strict=True)]
    return fit_chances(np.concatenate(rows), np.concatenate(right).astype(np.float64))


def show(seen: list[Seen], box: Floats, checked: Floats) -> None:
    """Print F1 of boxes and of marks among all proposals, without the peers and with them."""
    truth = np.concatenate([page.truth for page in seen])
    for index, name, pages, weights in (
        (0, "box", [page.box for page in seen], box),
        (1, "checked", [page.state for page in seen], checked),
    ):
        known = truth[:, index] != UNKNOWN
        features, right = np.concatenate(pages)[known], truth[known, index] == 1
        for how, scores in (
            ("judged", features[:, 0]),
            ("with peers", features @ weights[:-1] + weights[-1]),
        ):
            called = scores >= 0
            print(
                f"{name} {how}: F1 {f1((right & called).sum(), called.sum(), right.sum()):.4f}, "
                f"right {(right == called).mean():.4f} of {known.sum()} proposals"
            )


def main() -> None:
    """Look, fit, write, and print the quality on pages kept aside."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of both networks")
    parser.add_argument("--fonts", type=Path, action="append", default=[Path("/usr/share/fonts")])
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    faces = find_faces(arguments.fonts)
    looker = Looker(arguments.weights)
    seen = [looker.look(page) for page in pages_to_fit(faces, arguments.seed, arguments.pages)]
    rng = np.random.default_rng(arguments.seed)
    box = fit([page.box for page in seen], [page.truth[:, 0] for page in seen], MOST_BOXES, rng)
    checked = fit(
        [page.state for page in seen], [page.truth[:, 1] for page in seen], MOST_STATES, rng
    )
    write_weights(arguments.out, box, checked)
    print(f"fitted to {sum(len(page.truth) for page in seen)} proposals of {len(seen)} pages")
    show([looker.look(page) for page in pages_to_judge(faces, VALIDATION_PAGES)], box, checked)


if __name__ == "__main__":
    main()

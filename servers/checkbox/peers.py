"""The third look: what the boxes of a page say of one another.

Boxes of one form share their size and stand in rows and columns, so a doubtful one gains by sure
ones like it, and loses where the sure ones are otherwise. A faint mark shows beside the page's own
empty boxes. Both answers are logistic in a few features, whose weights `training.checkbox_peers`
fits.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

BOX_FEATURES = "judged", "in line", "near", "unlike"
STATE_FEATURES = "judged", "judged over empty", "ink over empty"
MOST_LOGIT = 9.0
LEAST_PEER = 0.1
"""Chance from which on a box says something of others."""
SIZE_SPREAD = 0.12
"""Of the logarithms of width and height, within which boxes are of one print."""
LINE_SPREAD, TILT = 0.3, 0.012
"""How far boxes of a row or column are out of line: in their sides, and in the way between them."""
NEAR_SIDES = 8.0
"""The way, in sides of the box, over which a neighbour's word fades."""
INSIDE = slice(16, 32)
"""Rows and columns of the near picture that show the inside of a box."""
INK_SPREAD = 0.02
"""By which empty boxes differ at least in their ink."""
INK_LIMITS = -3.0, 8.0


@dataclass(frozen=True, slots=True)
class Peers:
    """The pairs of a page's n boxes with the m that say something of others.

    In single precision: pairs are many, and how alike two boxes are needs no more.

    Attributes:
        index: (m,) which boxes these are.
        like: (n, m) chance that the other is a box, times how alike they are in size; 0 for itself.
        unlike: (n,) how many boxes of another size there are, as far as they are any.
        in_line: (n,) how many that are like it stand in its row or its column.
        near: (n,) how many that are like it stand near it.
    """

    index: NDArray[np.intp]
    like: Singles
    unlike: Singles
    in_line: Singles
    near: Singles


def find_peers(rects: Floats, chances: Floats) -> Peers:
    """Compare all boxes of a page.

    Args:
        rects: (n, 4) left, top, right, bottom.
        chances: (n,) of being a box.
    """
    index = np.flatnonzero(chances >= LEAST_PEER)
    sure = chances[index].astype(np.float32)
    sizes = np.maximum(rects[:, 2:] - rects[:, :2], 1.0).astype(np.float32)
    middles = ((rects[:, 2:] + rects[:, :2]) / 2).astype(np.float32)
    weight = np.where(np.arange(len(rects))[:, None] == index, np.float32(0), sure)
    wider, taller = (np.subtract.outer(logs, logs[index]) for logs in np.log(sizes).T)
    like = weight * np.exp(-(wider**2 + taller**2) / (2 * SIZE_SPREAD**2))
    x, y = (np.abs(np.subtract.outer(middle, middle[index])) for middle in middles.T)
    reach = LINE_SPREAD * sizes.min(axis=1)[:, None]
    out_of_line = np.minimum(x / (reach + TILT * y), y / (reach + TILT * x))
    distance = np.sqrt(x**2 + y**2) / sizes.mean(axis=1)[:, None]
    return Peers(
        index,
        like,
        unlike=(weight - like).sum(axis=1),
        in_line=(like * np.exp(-(out_of_line**2) / 2)).sum(axis=1),
        near=(like * np.exp(-distance / NEAR_SIDES)).sum(axis=1),
    )


def box_features(judged: Floats, peers: Peers) -> Floats:
    """(n, 4) in the order of `BOX_FEATURES`, of chances (n,) of being a box."""
    counts = np.log1p(np.column_stack([peers.in_line, peers.near, peers.unlike]))
    return np.column_stack([logit(judged), counts])


def state_features(judged: Floats, crops: NDArray[np.uint8], peers: Peers) -> Floats:
    """(n, 3) in the order of `STATE_FEATURES`.

    Args:
        judged: (n,) chances of being checked.
        crops: (n, 2, 48, 48) as `crop_boxes` makes them.
    """
    own, ink = logit(judged), ink_inside(crops)
    empty = peers.like * (1 - judged[peers.index]) ** 2
    count = empty.sum(axis=1)
    usual, usual_ink, usual_square = (
        # No product of matrices: its threads would go on burning a core while the next page waits.
        (empty * looks[peers.index]).sum(axis=1) / np.maximum(count, 1e-6)
        for looks in (own, ink, ink**2)
    )
    variance = usual_square - usual_ink**2
    spread = np.sqrt(np.maximum(variance, 0)) + INK_SPREAD
    trust = count / (count + 1)
    return np.column_stack(
        [own, trust * (own - usual), trust * np.clip((ink - usual_ink) / spread, *INK_LIMITS)]
    )


def ink_inside(crops: NDArray[np.uint8]) -> Floats:
    """(n,) mean darkness inside the boxes, from 0, the paper around, to about 1."""
    paper = np.median(crops[:, 1, ::4, ::4].reshape(len(crops), -1), axis=1)
    inside = crops[:, 0, INSIDE, INSIDE].reshape(len(crops), -1).mean(axis=1)
    return np.asarray(1 - inside / np.maximum(paper, 1), np.float64)


def logit(chances: Floats) -> Floats:
    """Logarithms of the odds, as far as they count."""
    odds = np.log(np.maximum(chances, 1e-9)) - np.log(np.maximum(1 - chances, 1e-9))
    return np.asarray(np.clip(odds, -MOST_LOGIT, MOST_LOGIT))


class PeerJudge:
    """Weighs what each box of a page looks like with what the others say of it.

    Args:
        weights: the JSON file: for `box` and `checked` the weight of each feature by its name, and
            a `shift`.

    Raises:
        FileNotFoundError: the weights are missing.
        ValueError: they are not those of these features.
    """

    def __init__(self, weights: Path) -> None:
        named = json.loads(weights.read_text(encoding="utf-8"))
        self._box = _in_order(named, "box", BOX_FEATURES)
        self._checked = _in_order(named, "checked", STATE_FEATURES)

    def judge(self, rects: Floats, judged: Floats, crops: NDArray[np.uint8]) -> Floats:
        """Chances (n, 3) of being a box, of being checked and of being a circle.

        Args:
            rects: (n, 4) left, top, right, bottom.
            judged: (n, 3) the same chances, of each box by itself.
            crops: (n, 2, 48, 48) as `crop_boxes` makes them.
        """
        if not len(rects):
            return np.zeros((0, 3))
        peers = find_peers(rects, judged[:, 0])
        box = box_features(judged[:, 0], peers)
        state = state_features(judged[:, 1], crops, peers)
        return np.column_stack(
            [_chance(box, self._box), _chance(state, self._checked), judged[:, 2]]
        )


def write_weights(path: Path, box: Floats, checked: Floats) -> None:
    """Write fitted weights (k + 1,) of the features and a shift, as `PeerJudge` reads them."""
    named = {
        item: dict(zip((*names, "shift"), map(float, fitted.round(4)), strict=True))
        for item, names, fitted in (
            ("box", BOX_FEATURES, box),
            ("checked", STATE_FEATURES, checked),
        )
    }
    path.write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")


def _in_order(named: dict[str, dict[str, float]], item: str, names: tuple[str, ...]) -> Floats:
    weights = named.get(item, {})
    if set(weights) != {*names, "shift"}:
        raise ValueError(f"weights of {item} must be {sorted((*names, 'shift'))}, not {[*weights]}")
    return np.array([weights[name] for name in (*names, "shift")])


def _chance(features: Floats, weights: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(features @ weights[:-1] + weights[-1]))))

"""Lays a page on the blank form: a homography by shared words, refined near each place.

1. Words and runs of words that are found once on the blank and once on the page are pairs.
2. RANSAC (M. Fischler, R. Bolles, 1981) finds the similarity that most pairs follow, then a
   homography refines it.
3. With it, every printed word looks for itself near its expected place, which gives many more
   pairs, and the homography is fitted again to these.
4. What is left (a fold, a bent page) is taken from the nearest words' own residuals: a weighted
   mean, in the spirit of moving least squares (S. Schaefer et al., 2006).

A blank with too few words is laid by ORB features (E. Rublee et al., 2011) instead.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.geometry import Points
from meshkit.model import Image
from orchestrator.forms.blank import INK_DPI, MIN_WORDS, BlankPage
from orchestrator.forms.frame import POINTS_PER_INCH, Rect, rect_around
from orchestrator.forms.words import PageWord, key_of

_LONGEST_RUN = 3
_ROUGH_POINTS = 9.0
"""A pair this far off, in points, may still follow the first, rough transform."""
_NEAR_POINTS = 12.0
"""How far from its expected place a printed word is looked for."""
_TIGHT_POINTS = 2.5
_FEWEST_PAIRS = 6
_LOCAL_POINTS = 60.0
"""Words this far away count a third of those at the place."""
_LOCAL_WORDS = 16
_TRUST_WORDS = 1.5
"""Sum of weights of an imagined neighbour that says the homography is right."""
_GRID_POINTS = 18.0
"""Between the places at which these are worked out."""
_GRID = 6
_FEATURES = 3000
_DISTINCT = 0.75
"""A feature's match must be this much nearer than the second nearest (D. Lowe, 2004)."""
_FEWEST_FEATURES = 24
_MANY_FEATURES = 120
"""Features that leave no doubt that both pages are the same."""


@dataclass(frozen=True)
class Alignment:
    """Where the blank page's points are on the page.

    Attributes:
        matrix: (3, 3), points of the blank page to pixels of the page as sent.
        matches: pairs that follow it.
        residual: median distance of the pairs in points of the blank.
        coverage: share of the blank page around which pairs lie, in [0, 1].
        found: share of the blank's words that are on the page where they should be, in [0, 1].
        anchors: (n, 2) blank points of the pairs; shifts: (n, 2) what the homography misses there,
            in points.
    """

    matrix: NDArray[np.float64]
    matches: int
    residual: float
    coverage: float
    found: float
    anchors: Points
    shifts: Points

    def to_page(self, points: Points) -> Points:
        """Points of the blank page (n, 2) to pixels of the page."""
        return _project(self.matrix, points + self._local(points))

    def to_blank(self, pixels: Points) -> Points:
        """Pixels of the page (n, 2) to points of the blank page."""
        points = _project(np.linalg.inv(self.matrix).astype(np.float64), pixels)
        return points - self._local(points)

    def local_shift(self, place: Rect) -> Points:
        """(2,) points that the homography alone misses at a place."""
        return np.asarray(self._local(np.array([place.centre]))[0], np.float64)

    def _local(self, points: Points) -> Points:
        """What to add to blank points before the homography, from the words near them: between the
        nodes of a grid, linearly."""
        if not len(self.anchors):
            return np.zeros_like(points)
        low, shifts = self._nodes
        places = (points - low) / _GRID_POINTS
        places = np.clip(places, 0, np.array(shifts.shape[:2]) - 1.001)
        index = places.astype(int)
        x, y = index.T
        across, down = (places - index).T[..., None]
        upper = shifts[x, y] * (1 - across) + shifts[x + 1, y] * across
        lower = shifts[x, y + 1] * (1 - across) + shifts[x + 1, y + 1] * across
        return np.asarray(upper * (1 - down) + lower * down, np.float64)

    @cached_property
    def _nodes(self) -> tuple[Points, NDArray[np.float64]]:
        """The first node, and the shift (columns, rows, 2) at each node around the anchors."""
        low, high = self.anchors.min(axis=0), self.anchors.max(axis=0)
        columns, rows = (int(n) + 2 for n in (high - low) / _GRID_POINTS)
        x, y = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
        nodes = low + _GRID_POINTS * np.column_stack([x.ravel(), y.ravel()])
        squared = ((nodes[:, None] - self.anchors[None]) ** 2).sum(axis=2)
        count = min(_LOCAL_WORDS, len(self.anchors))
        nearest = np.argpartition(squared, count - 1, axis=1)[:, :count]
        weights = np.exp(-np.take_along_axis(squared, nearest, axis=1) / _LOCAL_POINTS**2)
        total = (weights[..., None] * self.shifts[nearest]).sum(axis=1)
        shifts = total / (weights.sum(axis=1, keepdims=True) + _TRUST_WORDS)
        return low, shifts.reshape(columns, rows, 2)


def align(
    blank: BlankPage, words: Sequence[PageWord], image: Image | None = None
) -> Alignment | None:
    """Lay a page on a page of a blank form; None when they have too little in common.

    Args:
        words: of the page, with corners in its pixels.
        image: the page's pixels, for blanks with few words; None: words alone decide.
    """
    if len(blank.words) >= MIN_WORDS:
        rough = _rough(*_pairs(blank, words))
        return None if rough is None else _refined(blank, words, rough)
    return None if image is None else _by_features(blank, image)


def align_from(
    blank: BlankPage, words: Sequence[PageWord], matrix: NDArray[np.float64]
) -> Alignment:
    """The same from a matrix that is known: only what words add near each place is found anew."""
    return _with_matrix(blank, *_near_pairs(blank, words, matrix), matrix)


def _pairs(blank: BlankPage, words: Sequence[PageWord]) -> tuple[Points, Points]:
    """Middles of words and runs that both pages have once."""
    ours, theirs = _blank_runs(blank), _runs([word.text for word in words])
    middles = np.array([word.corners for word in words]).reshape(-1, 4, 2).mean(axis=1)
    sources, targets = [], []
    for run, place in ours.items():
        other = theirs.get(run)
        if place is None or other is None:
            continue
        for offset in range(len(run)):
            sources.append(blank.words[place + offset].box.centre)
            targets.append(middles[other + offset])
    return np.array(sources).reshape(-1, 2), np.array(targets).reshape(-1, 2)


def _runs(texts: Iterable[str]) -> dict[tuple[str, ...], int | None]:
    """Runs of one to three words and where they begin; None for what is there more than once."""
    keys = [key_of(text) for text in texts]
    places: dict[tuple[str, ...], int | None] = {}
    for length in range(1, _LONGEST_RUN + 1):
        for start in range(len(keys) - length + 1):
            run = tuple(keys[start : start + length])
            if not all(run) or sum(map(len, run)) < 4:
                continue
            places[run] = None if run in places else start
    return places


@lru_cache(maxsize=256)
def _blank_runs_of(texts: tuple[str, ...]) -> dict[tuple[str, ...], int | None]:
    return _runs(texts)


def _blank_runs(blank: BlankPage) -> dict[tuple[str, ...], int | None]:
    return _blank_runs_of(tuple(word.text for word in blank.words))


def _rough(sources: Points, targets: Points) -> NDArray[np.float64] | None:
    """A similarity, bettered by a homography where enough pairs follow it."""
    if len(sources) < _FEWEST_PAIRS:
        return None
    scale = _scale(sources, targets)
    similar, inliers = cv2.estimateAffinePartial2D(
        sources, targets, method=cv2.RANSAC, ransacReprojThreshold=_ROUGH_POINTS * scale
    )
    if int(np.sum(inliers)) < _FEWEST_PAIRS:
        return None
    return np.vstack([similar, [0, 0, 1]]).astype(np.float64)


def _scale(sources: Points, targets: Points) -> float:
    """Pixels a point, from the median distance of neighbouring pairs."""
    ours = np.linalg.norm(np.diff(sources, axis=0), axis=1)
    theirs = np.linalg.norm(np.diff(targets, axis=0), axis=1)
    telling = ours > 5
    return float(np.median(theirs[telling] / ours[telling])) if telling.any() else 1.0


def _by_features(blank: BlankPage, image: Image) -> Alignment | None:
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    picture = blank.picture()
    shrink = max(picture.shape) / max(grey.shape)
    small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    orb = cv2.ORB.create(nfeatures=_FEATURES)
    ours, our_marks = orb.detectAndCompute(picture, None)
    theirs, their_marks = orb.detectAndCompute(small, None)
    if len(ours) < 2 or len(theirs) < 2:
        return None
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    good = [
        pair[0]
        for pair in matcher.knnMatch(our_marks, their_marks, k=2)
        if len(pair) == 2 and pair[0].distance < _DISTINCT * pair[1].distance
    ]
    if len(good) < _FEWEST_FEATURES:
        return None
    sources = np.array([ours[m.queryIdx].pt for m in good]) * POINTS_PER_INCH / INK_DPI
    targets = np.array([theirs[m.trainIdx].pt for m in good]) / shrink
    scale = max(grey.shape) / max(blank.width, blank.height)
    fitted, follows = cv2.findHomography(sources, targets, cv2.RANSAC, _TIGHT_POINTS * scale)
    matrix = np.asarray(fitted, np.float64)
    inside = np.asarray(follows, bool).ravel()
    if matrix.shape != (3, 3) or inside.sum() < _FEWEST_FEATURES or not _is_sane(matrix, blank):
        return None
    return _with_matrix(blank, sources[inside], targets[inside], matrix)


def _refined(
    blank: BlankPage, words: Sequence[PageWord], rough: NDArray[np.float64]
) -> Alignment | None:
    matrix, sources, targets = rough, np.zeros((0, 2)), np.zeros((0, 2))
    for _ in range(2):
        sources, targets = _near_pairs(blank, words, matrix)
        if len(sources) < _FEWEST_PAIRS:
            return None
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        fitted, _ = cv2.findHomography(
            sources, targets, cv2.RANSAC, ransacReprojThreshold=_TIGHT_POINTS * scale
        )
        better = np.asarray(fitted, np.float64)
        if better.shape != (3, 3) or not _is_sane(better, blank):
            break
        matrix = better
    found = _with_matrix(blank, *_near_pairs(blank, words, matrix), matrix)
    return found if found.matches >= _FEWEST_PAIRS else None


def _with_matrix(
    blank: BlankPage, sources: Points, targets: Points, matrix: NDArray[np.float64]
) -> Alignment:
    """An alignment of a matrix and the pairs that follow it."""
    shifts = _project(np.linalg.inv(matrix).astype(np.float64), targets) - sources
    follows = _agreeing(sources, shifts)
    sources, shifts = sources[follows], shifts[follows]
    printed = np.array([word.box.centre for word in blank.words if key_of(word.text)])
    is_worded = len(printed) >= MIN_WORDS
    return Alignment(
        matrix=matrix,
        matches=len(sources),
        residual=float(np.median(np.linalg.norm(shifts, axis=1))) if len(shifts) else 0.0,
        coverage=_coverage(blank, sources, printed if is_worded else None),
        found=min(1.0, len(sources) / (len(printed) if is_worded else _MANY_FEATURES)),
        anchors=sources,
        shifts=shifts,
    )


def _near_pairs(
    blank: BlankPage, words: Sequence[PageWord], matrix: NDArray[np.float64]
) -> tuple[Points, Points]:
    """Every printed word with its equal nearest to where it should be on the page."""
    if not words:
        return np.zeros((0, 2)), np.zeros((0, 2))
    middles = np.array([word.corners for word in words]).mean(axis=1)
    places = _project(np.linalg.inv(matrix).astype(np.float64), middles).tolist()
    by_key: dict[str, list[int]] = defaultdict(list)
    for index, word in enumerate(words):
        if key := key_of(word.text):
            by_key[key].append(index)
    sources, targets = [], []
    for printed in blank.words:
        rivals = by_key.get(key_of(printed.text))
        if not rivals:
            continue
        centre = printed.box.centre
        best = min(rivals, key=lambda index: math.dist(places[index], centre))
        if math.dist(places[best], centre) <= _NEAR_POINTS:
            sources.append(centre)
            targets.append(middles[best])
    return np.array(sources).reshape(-1, 2), np.array(targets).reshape(-1, 2)


def _agreeing(sources: Points, shifts: Points) -> NDArray[np.bool_]:
    """Pairs whose shift is that of their neighbours, give or take the tight tolerance."""
    if len(sources) < _FEWEST_PAIRS:
        return np.ones(len(sources), bool)
    apart = ((sources[:, None] - sources[None]) ** 2).sum(axis=2)
    count = min(_LOCAL_WORDS, len(sources))
    nearest = np.argpartition(apart, count - 1, axis=1)[:, :count]
    usual = np.median(shifts[nearest], axis=1)
    return np.asarray(np.linalg.norm(shifts - usual, axis=1) <= _TIGHT_POINTS, bool)


def _coverage(blank: BlankPage, sources: Points, printed: Points | None) -> float:
    """Share of the cells of a coarse grid that have a pair in them, of those that have printed
    words; None: of all."""

    def cells(points: Points) -> set[tuple[int, int]]:
        scaled = points.reshape(-1, 2) / (blank.width, blank.height) * _GRID
        return {(int(x), int(y)) for x, y in scaled}

    if printed is None:
        return len(cells(sources)) / _GRID**2
    wanted = cells(printed)
    return len(cells(sources) & wanted) / max(1, len(wanted))


def _is_sane(matrix: NDArray[np.float64], blank: BlankPage) -> bool:
    """Whether the blank page stays a convex page that is not mirrored."""
    page = Rect(0, 0, blank.width, blank.height)
    corners = _project(matrix, page.corners)
    edges = np.roll(corners, -1, axis=0) - corners
    after = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    box = rect_around(corners)
    return bool((turns > 0).all()) and turns.min() > 0.3 * box.width * box.height


def _project(matrix: NDArray[np.float64], points: Points) -> Points:
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)

"""Train the checkbox detector.

    pip install -e ".[cpu,train]"
    nice python -m training.checkbox --data DATA --out servers/checkbox/weights/checkbox.onnx

DATA holds `gov_forms_scansim` and `gov_form_templates` (government forms from the MIT-licensed
repository of Code for America's vita-min); the other pages are composed by `training.detectors`
with fonts of Debian packages (`--fonts`, asked for by name when too few are found). The script
writes the network as ONNX, its scores calibrated on form families and composed pages that it was
not trained on, and prints its quality there. The same seed and number of steps give the same crops;
sums in another order (threads, processor) move the weights a little.
"""

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from servers.checkbox.config import CheckboxConfig
from servers.checkbox.propose import Proposer
from training.detectors.checkbox_pages import PageMaker, faxed, kept_aside_pages
from training.detectors.command import read_command
from training.detectors.faces import Faces
from training.detectors.learning import Arrays, Tensors, focal, learn, load_state, save_state
from training.detectors.networks import checkbox_network, export_onnx, resume_onnx
from training.detectors.samples import View, shadow_edge, take_view, wear
from training.detectors.sheet import BoxLabel, LabelledPage
from training.detectors.templates import scanned_forms
from training.detectors.validation import Find, calibrate_network, worn

LONG_SIDE_PX = 1650
CROP_PX = 256
STRIDE = 4
SIZE_UNIT_PX = 20.0
OFFSET_UNIT_PX = 8.0
POOL = 48
FRESH_EVERY = 12
UNKNOWN = -1.0
SCORES = 3
FAXED_SHARE = 0.2
VALIDATION_PAGES = 30
VALIDATION_SEED = 1 << 61
LEAST_SCORE = 0.05
RATE = 2e-3
RESUMED_RATE = 6e-4
RESUME_CROPS = 64


def samples(data: Path, faces: Faces, seed: int) -> Iterator[Arrays]:
    """Endless crops: half of composed pages, the rest of scanned and of freshly filled forms."""
    rng = np.random.default_rng(seed)
    maker = PageMaker(data, faces)
    makers = (maker.composed, maker.filled)
    pools = [[make(rng) for _ in range(POOL // 2)] for make in makers]
    for count in range(1 << 60):
        which = int(rng.choice(3, p=(0.6, 0.2, 0.2)))
        if which < 2 and count % FRESH_EVERY == 0:
            pools[which][int(rng.integers(len(pools[which])))] = makers[which](rng)
        pages = pools[which] if which < 2 else maker.scanned
        yield sample(pages[int(rng.integers(len(pages)))], rng)


def sample(page: LabelledPage, rng: np.random.Generator) -> Arrays:
    """Image, objectness, weight, state, shape and rectangle targets of one crop."""
    rects = [box.rect for box in page.boxes]
    checked = [box.rect for box in page.boxes if box.checked]
    if checked and rng.random() < 0.5:
        rects = checked  # marked boxes are rare, and the harder ones
    view = take_view(page, rng, rects, CROP_PX, LONG_SIDE_PX, near=0.6)
    cells = CROP_PX // STRIDE
    object_, state, shape = (np.zeros((cells, cells), np.float32) for _ in range(3))
    weight = np.ones((cells, cells), np.float32)
    offsets = np.zeros((4, cells, cells), np.float32)
    state[:], shape[:] = UNKNOWN, UNKNOWN
    for rect in page.ignore:
        x, y, w, h = (value / STRIDE for value in view.place(rect))
        rows, columns = (
            slice(max(0, int(y)), max(0, math.ceil(y + h))),
            slice(max(0, int(x)), max(0, math.ceil(x + w))),
        )
        weight[rows, columns] = 0
    for box in page.boxes:
        _draw_target(box, view, object_, state, shape, offsets)
    shadowed = shadow_edge(view.image, rng, [view.place(box.rect) for box in page.boxes])
    if rng.random() < FAXED_SHARE:
        small = faxed(shadowed, rng, rng.uniform(0.45, 0.8))
        shadowed = np.asarray(
            cv2.resize(small, (CROP_PX, CROP_PX), interpolation=cv2.INTER_CUBIC), np.float32
        )
        shadowed = np.clip(shadowed, 0, 255)
    image = wear(shadowed, rng)
    return image[None] / np.float32(255), object_, weight, state, shape, offsets


def _draw_target(
    box: BoxLabel,
    view: View,
    object_: NDArray[np.float32],
    state: NDArray[np.float32],
    shape: NDArray[np.float32],
    offsets: NDArray[np.float32],
) -> None:
    """Set the cells around a box's middle."""
    x, y, w, h = view.place(box.rect)
    centre_x, centre_y = x + w / 2, y + h / 2
    reach = max(1, int(0.3 * min(w, h) / STRIDE))
    row, column = int(centre_y // STRIDE), int(centre_x // STRIDE)
    rows = slice(max(0, row - reach), max(0, row + reach + 1))
    columns = slice(max(0, column - reach), max(0, column + reach + 1))
    object_[rows, columns] = 1
    state[rows, columns] = UNKNOWN if box.checked is None else float(box.checked)
    shape[rows, columns] = UNKNOWN if box.circle is None else float(box.circle)
    ys, xs = np.mgrid[rows, columns][:, : object_.shape[0], : object_.shape[1]]
    inside = (ys < object_.shape[0]) & (xs < object_.shape[1])
    ys, xs = ys[inside], xs[inside]
    offsets[0, ys, xs] = (centre_x - (xs + 0.5) * STRIDE) / OFFSET_UNIT_PX
    offsets[1, ys, xs] = (centre_y - (ys + 0.5) * STRIDE) / OFFSET_UNIT_PX
    offsets[2, ys, xs] = math.log(max(w, 1) / SIZE_UNIT_PX)
    offsets[3, ys, xs] = math.log(max(h, 1) / SIZE_UNIT_PX)


def loss_of(head: torch.Tensor, targets: Tensors) -> torch.Tensor:
    """Objectness everywhere; state, shape and rectangle on the boxes."""
    object_, weight, state, shape, offsets = targets
    loss = focal(head[:, 0], object_, weight)
    for logits, target in ((head[:, 1], state), (head[:, 2], shape)):
        known = target >= 0
        if known.any():
            loss = loss + functional.binary_cross_entropy_with_logits(logits[known], target[known])
    on_box = object_ > 0
    if on_box.any():
        predicted = head[:, SCORES:].permute(0, 2, 3, 1)[on_box]
        wanted = offsets.permute(0, 2, 3, 1)[on_box]
        loss = loss + 2 * functional.smooth_l1_loss(predicted, wanted, beta=0.1)
    return loss


def opened(path: Path) -> Find:
    """The network in `path` behind the server's own code."""
    propose = Proposer(path, CheckboxConfig()).propose

    def find(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rects, chances = propose(image, LEAST_SCORE)
        return np.column_stack([rects[:, :2], rects[:, 2:] - rects[:, :2]]), chances[:, 0]

    return find


def main() -> None:
    """Train, export, calibrate, and print what the network does on pages kept aside."""
    command = read_command(__doc__, steps=2400, seed=7)
    if not command.calibrate_only:
        network = checkbox_network()
        source = partial(samples, command.data, command.faces)
        if command.resume is not None:
            crops = [crop[0] for crop in islice(source(command.seed), RESUME_CROPS)]
            resume_onnx(network, command.resume, torch.tensor(np.stack(crops)))
        load_state(network, command.state)
        learn(
            network,
            source,
            loss_of,
            steps=command.steps,
            minutes=command.minutes,
            rate=RATE if command.resume is None else RESUMED_RATE,
            seed=command.seed,
        )
        save_state(network, command.state)
        export_onnx(network, SCORES, command.out)
    rng = np.random.default_rng(VALIDATION_SEED)
    composed = kept_aside_pages(command.faces, VALIDATION_SEED, VALIDATION_PAGES)
    pages = scanned_forms(command.data, validation=True) + worn(composed, rng)
    calibrate_network(
        command.out,
        lambda: opened(command.out),
        pages,
        lambda page: [box.rect for box in page.boxes],
    )


if __name__ == "__main__":
    main()

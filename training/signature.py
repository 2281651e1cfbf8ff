"""Train the signature detector.

    pip install -e ".[cpu,train]"
    nice python -m training.signature --data DATA --out servers/signature/weights/signature.onnx

DATA holds `gov_forms_scansim` and `gov_form_templates` (government forms from the MIT-licensed
repository of Code for America's vita-min) and `signature_crops`, of which only the lines with
origin `crossmedia` are read (MIT; invented names written by volunteers). The other signatures are
written by a model of pen movement or set in flowing fonts; the other pages are composed by
`training.detectors` with fonts of Debian packages (`--fonts`, asked for by name when too few are
found). The script writes the network as ONNX, its scores calibrated on pages and form families that
it was not trained on.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from eval.labelled import bounds
from meshkit.model import PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import SignatureModel, SignatureOptions
from training.detectors.blocks import (
    CHECK_BLOCKS,
    TEXT_BLOCKS,
    check_rows,
    compose,
    letter_close,
    signature_block,
    signature_cells,
)
from training.detectors.command import read_command
from training.detectors.faces import Faces
from training.detectors.learning import Arrays, Tensors, focal, learn, load_state, save_state
from training.detectors.networks import export_onnx, signature_network
from training.detectors.samples import shadow_edge, take_view, wear
from training.detectors.sheet import LabelledPage, Rect
from training.detectors.strokes import Mask
from training.detectors.templates import blank_forms, fill_form, read_labels, scanned_forms
from training.detectors.validation import Find, calibrate_network, worn

LONG_SIDE_PX = 960
CROP_PX = 416
STRIDE = 8
UNITS_PX = (40.0, 20.0, 40.0, 20.0)
MIDDLE = 0.25
POOL = 64
FRESH_EVERY = 8
SCORES = 1
VALIDATION_PAGES = 120
VALIDATION_SEED = 1 << 61
LEAST_SCORE = 0.02


def collected_ink(data: Path, *, validation: bool) -> list[Mask]:
    """Ink of the volunteers' signatures; every fifth writer is kept for validation."""
    folder = data / "signature_crops"
    inks = []
    for label in read_labels(folder):
        if label["origin"] != "crossmedia":
            continue
        if (int(label["writer"].removeprefix("cm")) % 5 == 0) is not validation:
            continue
        image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise SystemExit(f"{folder / label['file']} can't be read")
        ink = np.where(image < 215, 255 - image, 0).astype(np.uint8)
        x, y, w, h = cv2.boundingRect((ink > 0).astype(np.uint8))
        if w * h > 400:
            inks.append(ink[y : y + h, x : x + w])
    return inks


def composed_pages(
    seed: int, faces: Faces, collected: list[Mask], signed_share: float
) -> Iterator[LabelledPage]:
    """Endless pages, of which `signed_share` have room for signatures that are mostly given."""
    rng = np.random.default_rng(seed)
    signed = {
        **TEXT_BLOCKS,
        check_rows: 0.3,
        signature_block(collected, 0.8): 1.6,
        signature_cells(collected, 0.8): 1.6,
        letter_close(collected, 0.9): 1.5,
    }
    unsigned = {
        **TEXT_BLOCKS,
        **CHECK_BLOCKS,
        signature_block(collected, 0.0): 1.0,
        signature_cells(collected, 0.0): 0.7,
        letter_close(collected, 0.0): 0.5,
    }
    while True:
        kinds = signed if rng.random() < signed_share else unsigned
        yield compose(int(rng.integers(1 << 60)), faces, kinds)


def training_pages(data: Path, faces: Faces, seed: int) -> Iterator[LabelledPage]:
    """Endless pages: composed ones, signed or not; filled forms; scanned forms, unsigned."""
    rng = np.random.default_rng(seed)
    collected = collected_ink(data, validation=False)
    blanks, scanned = blank_forms(data), scanned_forms(data, validation=False)
    composed = composed_pages(seed, faces, collected, signed_share=0.83)
    while True:
        kind = rng.random()
        if kind < 0.72:
            yield next(composed)
        elif kind < 0.9:
            blank, fields = blanks[int(rng.integers(len(blanks)))]
            yield fill_form(blank, fields, int(rng.integers(1 << 60)), faces, collected)
        else:
            yield scanned[int(rng.integers(len(scanned)))]


def samples(data: Path, faces: Faces, seed: int) -> Iterator[Arrays]:
    """Endless crops of a pool of pages that is renewed page by page."""
    rng = np.random.default_rng(seed)
    fresh = training_pages(data, faces, seed)
    pool = [next(fresh) for _ in range(POOL)]
    for count in range(1 << 60):
        if count % FRESH_EVERY == 0:
            pool[int(rng.integers(POOL))] = next(fresh)
        yield sample(pool[int(rng.integers(POOL))], rng)


def sample(page: LabelledPage, rng: np.random.Generator) -> Arrays:
    """Image, objectness, weight and distances targets of one crop."""
    view = take_view(page, rng, page.signatures, CROP_PX, LONG_SIDE_PX, near=0.7)
    cells = CROP_PX // STRIDE
    middle = (np.arange(cells) + 0.5) * STRIDE
    columns, rows = np.meshgrid(middle, middle)
    object_ = np.zeros((cells, cells), np.float32)
    weight = np.ones((cells, cells), np.float32)
    distances = np.zeros((4, cells, cells), np.float32)
    for rect in page.ignore:
        weight[_inside(view.place(rect), columns, rows, 0.5)] = 0
    for rect in page.signatures:
        placed = view.place(rect)
        x, y, w, h = placed
        weight[_inside(placed, columns, rows, 0.5)] = 0.3
        here = _inside(placed, columns, rows, MIDDLE)
        object_[here], weight[here] = 1, 1
        sides = (columns - x, rows - y, x + w - columns, y + h - rows)
        for channel, (side, unit) in enumerate(zip(sides, UNITS_PX, strict=True)):
            distances[channel][here] = np.log(np.maximum(side[here], 2) / unit)
    shadowed = shadow_edge(view.image, rng, [view.place(rect) for rect in page.signatures])
    image = wear(shadowed, rng)
    return image[None] / np.float32(255), object_, weight, distances


def _inside(
    rect: Rect, columns: NDArray[np.float64], rows: NDArray[np.float64], share: float
) -> NDArray[np.bool_]:
    """Cells in the middle `share` (to either side) of a rectangle, at least one cell wide."""
    x, y, w, h = rect
    reach_x, reach_y = max(share * w, STRIDE / 2), max(share * h, STRIDE / 2)
    across = np.abs(columns - (x + w / 2)) <= reach_x
    return np.asarray(across & (np.abs(rows - (y + h / 2)) <= reach_y))


def loss_of(head: torch.Tensor, targets: Tensors) -> torch.Tensor:
    """Objectness everywhere; distances in the middle of signatures."""
    object_, weight, distances = targets
    loss = focal(head[:, 0], object_, weight)
    on_ink = object_ > 0
    if on_ink.any():
        predicted = head[:, SCORES:].permute(0, 2, 3, 1)[on_ink]
        wanted = distances.permute(0, 2, 3, 1)[on_ink]
        loss = loss + functional.smooth_l1_loss(predicted, wanted, beta=0.1)
    return loss


def validation_pages(data: Path, faces: Faces) -> list[LabelledPage]:
    """Composed pages of other seeds and writers, worn, and scanned forms of other families."""
    collected = collected_ink(data, validation=True)
    composed = composed_pages(VALIDATION_SEED, faces, collected, signed_share=0.7)
    pages = islice(composed, VALIDATION_PAGES)
    rng = np.random.default_rng(VALIDATION_SEED)
    return worn(pages, rng) + scanned_forms(data, validation=True)


def opened(path: Path) -> Find:
    """The network in `path` behind the server's own model."""
    model = SignatureModel(SignatureConfig(), path)
    model.load()

    def find(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        (found,) = model.predict([PageInput(image, None, SignatureOptions(LEAST_SCORE))])
        if isinstance(found, Exception):
            raise found
        return bounds([item.quad for item in found]), np.array([item.score for item in found])

    return find


def main() -> None:
    """Train, export, calibrate, and print what the network does on pages kept aside."""
    command = read_command(__doc__, steps=2400, seed=11)
    if not command.calibrate_only:
        network = signature_network()
        source = partial(samples, command.data, command.faces)
        load_state(network, command.state)
        learn(
            network,
            source,
            loss_of,
            steps=command.steps,
            minutes=command.minutes,
            seed=command.seed,
        )
        save_state(network, command.state)
        export_onnx(network, SCORES, command.out)
    pages = validation_pages(command.data, command.faces)
    calibrate_network(command.out, lambda: opened(command.out), pages, lambda page: page.signatures)


if __name__ == "__main__":
    main()

"""Train the signature detector.

    pip install -e ".[cpu,train]"
    nice python -m training.signature --data DATA --out servers/signature/weights/signature.onnx

The network begins with the features of the OCR server's text detector (`servers/ocr/weights`,
PP-OCRv6, Apache-2.0). DATA holds `gov_forms_scansim` and `gov_form_templates` (government forms
from the MIT-licensed repository of Code for America's vita-min) and `signature_crops`, of which
only the lines with origin `crossmedia` are read (MIT; invented names written by volunteers). The
other signatures are written by a model of pen movement or set in flowing fonts and bent; the other
pages are composed by `training.detectors` with fonts of Debian packages (`--fonts`, asked for by
name when too few are found). The script writes the network as ONNX.

Its scores are calibrated, two numbers in all, on the tuning parts of the labelled sets of real
pages that DATA holds (`REAL_SETS`); without any of them, on pages and form families of the trained
kinds that were kept aside.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from faker import Faker
from numpy.typing import NDArray
from torch.nn import functional

from eval.labelled import bounds, read_pages
from eval.split import Part
from meshkit.model import PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import SignatureModel, SignatureOptions
from training.detectors.annotations import hand_fields
from training.detectors.check_blocks import CHECK_BLOCKS, check_rows
from training.detectors.command import read_command
from training.detectors.composing import TEXT_BLOCKS, compose
from training.detectors.decision import calibrate_decision, find_on
from training.detectors.emblems import chart, picture
from training.detectors.faces import Faces
from training.detectors.finetuning import finetune
from training.detectors.learning import Arrays, Tensors, load_state, save_state
from training.detectors.letters import clutter, compose_document
from training.detectors.networks import export_onnx, resume_named
from training.detectors.photocopies import black_surround, dirty_strip, one_bit, place
from training.detectors.samples import wear
from training.detectors.sheet import LabelledPage, Rect, Sheet
from training.detectors.signature_network import SignatureNetwork
from training.detectors.signing_blocks import letter_close, signature_block, signature_cells
from training.detectors.strokes import Mask
from training.detectors.templates import blank_forms, fill_form, read_labels, scanned_forms
from training.detectors.validation import Find, worn

TEXT_DETECTOR = Path("servers/ocr/weights/det_tiny.onnx")
LONG_SIDE_PX = 1600
CANVAS_PX = 960, 768
ENLARGE = 0.75, 1.25
STRIDE = 8
UNITS_PX = (40.0, 20.0, 40.0, 20.0)
MIDDLE = 0.25
POOL = 48
FRESH_EVERY = 7
SCORES = 1
RATE, RESUMED_RATE = 1e-3, 4e-4
LEAST_POSITIVE = 50.0
"""Positive cells that a batch's loss is divided by at least."""
REAL_SETS = "tobacco_signatures", "signature_pages_640", "funsd_forms"
REAL_LONG_SIDE_PX = 1920
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


def composed_forms(
    seed: int, faces: Faces, collected: list[Mask], signed_share: float
) -> Iterator[LabelledPage]:
    """Endless forms, of which `signed_share` have room for signatures that are mostly given."""
    rng = np.random.default_rng(seed)
    text = {**TEXT_BLOCKS, hand_fields: 2.5, chart: 0.3, picture: 0.3}
    signed = {
        **text,
        check_rows: 0.3,
        signature_block(collected, 0.8): 1.6,
        signature_cells(collected, 0.8): 1.6,
        letter_close(collected, 0.9): 0.8,
    }
    unsigned = {
        **text,
        **CHECK_BLOCKS,
        signature_block(collected, 0.0): 1.0,
        signature_cells(collected, 0.0): 0.7,
        letter_close(collected, 0.0): 0.5,
    }
    while True:
        kinds = signed if rng.random() < signed_share else unsigned
        yield compose(int(rng.integers(1 << 60)), faces, kinds, LONG_SIDE_PX)


def cluttered(page: LabelledPage, seed: int, faces: Faces) -> LabelledPage:
    """The page with what an office leaves on its paper."""
    faker = Faker("en_US")
    faker.seed_instance(seed)
    clutter(Sheet(np.random.default_rng(seed), faces, faker, page))
    return page


def training_pages(data: Path, faces: Faces, seed: int) -> Iterator[LabelledPage]:
    """Endless pages: letters and the like, forms composed or filled, scanned forms (unsigned)."""
    rng = np.random.default_rng(seed)
    collected = collected_ink(data, validation=False)
    blanks, scanned = blank_forms(data), scanned_forms(data, validation=False)
    forms = composed_forms(seed, faces, collected, signed_share=0.6)
    while True:
        kind, one = rng.random(), int(rng.integers(1 << 60))
        if kind < 0.55:
            page = compose_document(one, faces, collected, LONG_SIDE_PX)
        elif kind < 0.78:
            page = next(forms)
        elif kind < 0.9:
            blank, fields = blanks[one % len(blanks)]
            page = fill_form(blank, fields, one, faces, collected)
        else:
            page = scanned[one % len(scanned)]
            page = LabelledPage(page.image.copy(), page.boxes, page.signatures, [])
        page.ignore = [rect for rect in page.ignore if rect not in page.signatures]
        yield cluttered(page, one, faces) if kind >= 0.55 and rng.random() < 0.3 else page


def samples(data: Path, faces: Faces, seed: int) -> Iterator[Arrays]:
    """Endless samples of a pool of pages that is renewed page by page."""
    rng = np.random.default_rng(seed)
    fresh = training_pages(data, faces, seed)
    pool = [next(fresh) for _ in range(POOL)]
    for count in range(1 << 60):
        if count % FRESH_EVERY == 0:
            pool[int(rng.integers(POOL))] = next(fresh)
        yield sample(pool[int(rng.integers(POOL))], rng)


def sample(page: LabelledPage, rng: np.random.Generator) -> Arrays:
    """Image, objectness, weight and distances targets of one page, copied and scanned badly."""
    page = LabelledPage(page.image.copy(), [], page.signatures, page.ignore)
    if rng.random() < 0.55:
        page.image = one_bit(page.image, rng)
    if rng.random() < 0.2:
        dirty_strip(page.image, rng)
    if rng.random() < 0.25:
        page = black_surround(page, rng)
    image, signatures, unknown = place(page, rng, CANVAS_PX, ENLARGE)
    if rng.random() < 0.5:
        image = wear(image, rng)
    return image[None] / np.float32(255), *targets_of(signatures, unknown)


def targets_of(signatures: list[Rect], unknown: list[Rect]) -> Arrays:
    """Objectness, its weight and the distances to the sides, cell by cell of the canvas."""
    shape = CANVAS_PX[0] // STRIDE, CANVAS_PX[1] // STRIDE
    rows, columns = ((np.indices(shape) + 0.5) * STRIDE).astype(np.float64)
    object_ = np.zeros(shape, np.float32)
    weight = np.ones(shape, np.float32)
    distances = np.zeros((4, *shape), np.float32)
    for rect in unknown:
        weight[_inside(rect, columns, rows, 0.5)] = 0
    for rect in signatures:
        x, y, w, h = rect
        weight[_inside(rect, columns, rows, 0.5)] = 0.2
    for rect in signatures:
        x, y, w, h = rect
        here = _inside(rect, columns, rows, MIDDLE)
        object_[here], weight[here] = 1, 1
        sides = (columns - x, rows - y, x + w - columns, y + h - rows)
        for channel, (side, unit) in enumerate(zip(sides, UNITS_PX, strict=True)):
            distances[channel][here] = np.log(np.maximum(side[here], 2) / unit)
    return object_, weight, distances


def _inside(
    rect: Rect, columns: NDArray[np.float64], rows: NDArray[np.float64], share: float
) -> NDArray[np.bool_]:
    """Cells in the middle `share` (to either side) of a rectangle, at least one cell wide."""
    x, y, w, h = rect
    reach_x, reach_y = max(share * w, STRIDE / 2), max(share * h, STRIDE / 2)
    across = np.abs(columns - (x + w / 2)) <= reach_x
    return np.asarray(across & (np.abs(rows - (y + h / 2)) <= reach_y))


def loss_of(head: torch.Tensor, targets: Tensors) -> torch.Tensor:
    """Objectness everywhere (focal, gamma 2); distances in the middle of signatures."""
    object_, weight, distances = targets
    entropy = functional.binary_cross_entropy_with_logits(head[:, 0], object_, reduction="none")
    miss = (1 - torch.exp(-entropy)) ** 2
    loss = (weight * miss * entropy).sum() / object_.sum().clamp(min=LEAST_POSITIVE)
    on_ink = object_ > 0
    if on_ink.any():
        predicted = head[:, SCORES:].permute(0, 2, 3, 1)[on_ink]
        wanted = distances.permute(0, 2, 3, 1)[on_ink]
        loss = loss + functional.smooth_l1_loss(predicted, wanted, beta=0.1)
    return loss


def real_pages(data: Path) -> list[LabelledPage]:
    """Pages of the tuning parts that have all their signatures labelled, shrunk to save memory."""
    pages = []
    for folder in (data / name for name in REAL_SETS):
        if not folder.is_dir():
            continue
        for real in read_pages(folder, "signatures", part=Part.TUNING):
            if real.truth.complete:
                scale = min(1.0, REAL_LONG_SIDE_PX / max(real.image.shape))
                image = cv2.resize(
                    real.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
                )
                signatures: list[Rect] = [tuple(row) for row in real.truth.rects * scale]
                ignore: list[Rect] = [tuple(row) for row in real.truth.ignore * scale]
                pages.append(LabelledPage(np.asarray(image, np.uint8), [], signatures, ignore))
    return pages


def validation_pages(data: Path, faces: Faces) -> list[LabelledPage]:
    """Composed pages of other seeds and writers, worn, and scanned forms of other families."""
    collected = collected_ink(data, validation=True)
    forms = composed_forms(VALIDATION_SEED, faces, collected, signed_share=0.6)
    pages = list(islice(forms, VALIDATION_PAGES // 3))
    seeds = range(VALIDATION_SEED, VALIDATION_SEED + VALIDATION_PAGES - len(pages))
    pages += [compose_document(seed, faces, collected, LONG_SIDE_PX) for seed in seeds]
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
    """Train, export, calibrate, and print what the network does on the calibration's pages."""
    command = read_command(__doc__, steps=9800, seed=21)
    if not command.calibrate_only:
        network = SignatureNetwork(TEXT_DETECTOR)
        if command.resume is not None:
            resume_named(network, command.resume)
        load_state(network, command.state)
        finetune(
            network,
            partial(samples, command.data, command.faces),
            loss_of,
            steps=command.steps,
            minutes=command.minutes,
            rate=RATE if command.resume is None else RESUMED_RATE,
            seed=command.seed,
        )
        save_state(network, command.state)
        export_onnx(network, SCORES, command.out)
    pages = real_pages(command.data) or validation_pages(command.data, command.faces)
    calibrate_decision(command.out, find_on(opened(command.out), pages))


if __name__ == "__main__":
    main()

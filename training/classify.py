"""Train the classifier's layout network: `python -m training.classify pages|fit FOLDER ...`.

`pages` composes training pages, scans them and stores what the network sees; `fit` trains it
to tell kinds of page by their look, and writes it without its last layer as ONNX. The classes that
are shipped are trained on what it gives (`training.classes`). Only `fit` needs PyTorch.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from servers.classify.features import SIZE, page_features
from training.clutter import add_clutter
from training.composed_forms import FORMS
from training.forms import BlankForm, fill_at_random, open_form, page_count
from training.ink import Page
from training.kinds import KINDS
from training.scan import random_settings, simulate_scan

FORM = "application_form"
LABELS = (FORM, *KINDS)
BATCH = 48
HEAD_LAYERS = 2
"""Layers behind the page's vector: dropout and the classes."""
NOTHING = -1
"""Label of pages that belong to no class; the network learns to be undecided about them."""
HELD_OUT = ("nj", "it2", "mdEL", "bank_", "f8812")
"""Government form families that only validate, by how their file names begin."""
_SHARES = {
    FORM: 0.36,
    "letter": 0.2,
    "article": 0.1,
    "handwritten": 0.05,
    "statement": 0.06,
    "invoice": 0.05,
    "receipt": 0.1,
    "presentation": 0.06,
    "id_card": 0.02,
}


@dataclass(frozen=True)
class PageSet:
    """Stored pages: features (n, 3, SIZE, SIZE) uint8 and labels (n,), NOTHING for no class."""

    features: NDArray[np.uint8]
    labels: NDArray[np.int64]


def compose_page(seed: int, forms: Path, held_out: bool) -> tuple[Page, int]:
    """One training page and its label, wholly decided by the seed."""
    rng = np.random.default_rng([seed, int(held_out)])
    if rng.random() < 0.05:
        return nothing(rng), NOTHING
    label = str(rng.choice(LABELS, p=[_SHARES[name] for name in LABELS]))
    dpi = float(rng.uniform(60, 110))
    if label != FORM:
        composers = KINDS[label]
        clean = composers[int(rng.integers(len(composers)))](rng, dpi).image
    elif rng.random() < (0.9 if held_out else 0.4):
        clean = government_form(forms, rng, dpi, held_out)
    else:
        clean = FORMS[int(rng.integers(len(FORMS)))](rng, dpi).image
    settings = random_settings(rng, max_skew=6 if rng.random() < 0.1 else 1.5)
    if settings.bilevel and dpi < 90:
        settings = replace(settings, bilevel=False)
    page = simulate_scan(add_clutter(clean, rng), settings, rng).image
    return page, LABELS.index(label)


def government_form(forms: Path, rng: np.random.Generator, dpi: float, held_out: bool) -> Page:
    """A page of a fillable form, blank to full, sometimes cut to a part of its page."""
    pages = _form_pages(forms, held_out)
    path, number = pages[int(rng.integers(len(pages)))]
    blank = _blank(path, number)
    filled = fill_at_random(blank, rng, float(rng.choice([0, 0.2, 0.5, 0.8, 1.0])))
    factor = dpi / blank.dpi
    return np.asarray(
        cv2.resize(filled.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA),
        dtype=np.uint8,
    )


def nothing(rng: np.random.Generator) -> Page:
    """An empty sheet, a black one, noise or a photograph of nothing."""
    height, width = (int(v) for v in rng.integers(300, 1100, 2))
    tone = rng.choice([0, 255, 240, 128])
    page: NDArray[np.float32] = np.full((height, width, 3), tone, np.float32)
    way = rng.random()
    if way < 0.35:
        page += rng.normal(0, rng.uniform(1, 90), (height, width, 1))
    elif way < 0.6:
        coarse = rng.uniform(0, 255, (int(rng.integers(2, 12)), int(rng.integers(2, 12)), 3))
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        page = np.asarray(smooth, dtype=np.float32)
    sheet = np.clip(page, 0, 255).astype(np.uint8)
    return add_clutter(sheet, rng) if rng.random() < 0.6 else sheet


def write_pages(forms: Path, out: Path, count: int, held_out: bool, workers: int) -> None:
    """Compose `count` pages and store their features as `out` (.npz)."""
    one = partial(_features_of, forms=forms, held_out=held_out)
    with ProcessPoolExecutor(workers) as pool:
        rows = list(pool.map(one, range(count), chunksize=16))
    features = np.stack([row[0] for row in rows])
    np.savez_compressed(out, features=features, labels=np.array([row[1] for row in rows]))
    print(f"{out}: {count} pages")


def read_pages(path: Path) -> PageSet:
    """What `write_pages` stored."""
    with np.load(path) as stored:
        return PageSet(stored["features"], stored["labels"].astype(np.int64))


def _features_of(seed: int, forms: Path, held_out: bool) -> tuple[NDArray[np.uint8], int]:
    cv2.setNumThreads(1)
    page, label = compose_page(seed, forms, held_out)
    return np.round(page_features(page) * 255).astype(np.uint8), label


@lru_cache(maxsize=4)
def _form_pages(forms: Path, held_out: bool) -> list[tuple[Path, int]]:
    """Pages with fields of the families on one side of the split."""
    pages = []
    for path in sorted(forms.glob("*.pdf")):
        if path.name.startswith(HELD_OUT) == held_out:
            numbers = range(1, page_count(path) + 1)
            pages += [(path, n) for n in numbers if _blank(path, n).fields]
    return pages


@lru_cache(maxsize=80)
def _blank(path: Path, number: int) -> BlankForm:
    return open_form(path, number, 100)


def network(classes: int) -> Any:
    """A plain convolutional network: (n, 3, SIZE, SIZE) to (n, classes) logits."""
    from torch import nn  # noqa: PLC0415  only training has PyTorch

    def block(inputs: int, outputs: int, size: int, stride: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    return nn.Sequential(
        block(3, 16, 5, 4),
        block(16, 32, 3, 2),
        block(32, 64, 3, 2),
        block(64, 64, 3, 1),
        block(64, 96, 3, 2),
        block(96, 96, 3, 1),
        nn.AvgPool2d(SIZE // 64),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(96 * 4, classes),
    )


def fit(train: PageSet, held_out: PageSet, epochs: int, seed: int) -> Any:
    """Train from scratch; return the network.

    Pages of no class are trained towards the uniform distribution (outlier exposure: D. Hendrycks,
    M. Mazeika, T. Dietterich, 2019).
    """
    import torch  # noqa: PLC0415

    torch.manual_seed(seed)
    model = network(len(LABELS)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    batches = -(-len(train.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        model.train()
        losses = []
        for pages, targets in _batches(train, seed + epoch):
            loss = torch.nn.functional.cross_entropy(model(pages), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        accuracy = _accuracy(_logits(model, held_out), held_out.labels)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, held out {accuracy:.3f}", flush=True)
    return model


def export(model: Any, path: Path) -> None:
    """Write the network up to its last layer as ONNX: input `pages`, output `layout`."""
    import torch  # noqa: PLC0415

    layers = list(model.to(memory_format=torch.contiguous_format))
    body = torch.nn.Sequential(*layers[:-HEAD_LAYERS]).eval()
    example = torch.zeros(1, 3, SIZE, SIZE)
    torch.onnx.export(
        body, (example,), str(path), input_names=["pages"], output_names=["layout"],
        dynamic_axes={"pages": {0: "n"}, "layout": {0: "n"}}, opset_version=17, dynamo=False,
    )  # fmt: skip


def _batches(pages: PageSet, seed: int) -> Iterator[tuple[Any, Any]]:
    """Shuffled and augmented batches, with soft targets."""
    import torch  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pages.labels))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = np.stack([augment(pages.features[row], rng) for row in rows])
        batch = np.multiply(batch, rng.uniform(0.5, 1.4, (len(rows), 1, 1, 3)), dtype=np.float32)
        np.minimum(batch / 255, 1, out=batch)
        targets = np.full((len(rows), len(LABELS)), 0.06 / len(LABELS), np.float32)
        for i, label in enumerate(pages.labels[rows]):
            if label == NOTHING:
                targets[i] = 1 / len(LABELS)
            else:
                targets[i, label] += 0.94
        yield torch.from_numpy(batch).permute(0, 3, 1, 2), torch.from_numpy(targets)


def augment(features: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shift, scale and turn a page's maps, hide a part: (3, SIZE, SIZE) to (SIZE, SIZE, 3)."""
    maps = np.ascontiguousarray(features.transpose(1, 2, 0))
    turn = rng.random()
    if turn < 0.12:
        maps = np.ascontiguousarray(maps[::-1, ::-1])
    elif turn < 0.17:
        maps = np.ascontiguousarray(np.rot90(maps, 1 if turn < 0.145 else -1)[..., [0, 2, 1]])
    angle, (across, down) = np.deg2rad(rng.normal(0, 0.8)), rng.uniform(0.82, 1.2, 2)
    shift = rng.uniform(-0.06, 0.06, 2) * SIZE
    matrix = np.array([[across, -np.sin(angle), shift[0]], [np.sin(angle), down, shift[1]]])
    warped = cv2.warpAffine(maps, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        y, x = rng.integers(0, SIZE, 2)
        height, width = rng.integers(20, 110, 2)
        warped[y : y + height, x : x + width] = 0
    return np.asarray(warped, dtype=np.uint8)


def _logits(model: Any, pages: PageSet) -> NDArray[np.float64]:
    import torch  # noqa: PLC0415

    model.eval()
    rows = []
    with torch.no_grad():
        for start in range(0, len(pages.labels), 64):
            batch = torch.from_numpy(pages.features[start : start + 64].astype(np.float32) / 255)
            rows.append(model(batch).double().numpy())
    return np.concatenate(rows)


def _accuracy(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    known = labels != NOTHING
    return float((logits[known].argmax(axis=1) == labels[known]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pages = commands.add_parser("pages", help="compose training pages")
    pages.add_argument("folder", type=Path, help="where train.npz and held_out.npz go")
    pages.add_argument("--forms", type=Path, required=True, help="folder of fillable PDF forms")
    pages.add_argument("--count", type=int, default=6000)
    pages.add_argument("--workers", type=int, default=2)
    fitting = commands.add_parser("fit", help="train and export")
    fitting.add_argument("folder", type=Path, help="where train.npz and held_out.npz are")
    fitting.add_argument("--epochs", type=int, default=8)
    fitting.add_argument("--seed", type=int, default=1)
    fitting.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    given = parser.parse_args()
    if given.command == "pages":
        given.folder.mkdir(parents=True, exist_ok=True)
        write_pages(
            given.forms, given.folder / "held_out.npz", given.count // 10, True, given.workers
        )
        write_pages(given.forms, given.folder / "train.npz", given.count, False, given.workers)
        return
    train = read_pages(given.folder / "train.npz")
    held_out = read_pages(given.folder / "held_out.npz")
    export(fit(train, held_out, given.epochs, given.seed), given.out)


if __name__ == "__main__":
    main()

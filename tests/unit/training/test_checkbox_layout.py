"""The proposer laid out for eight-bit convolutions, and its rounded first layer."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from servers.checkbox.model import PROPOSER, WEIGHTS
from tests.unit.servers.checkbox.pages import form, rows_of_boxes
from training.checkbox_layout import keep_mean, lay_out, layers_of

NETWORK = WEIGHTS / PROPOSER


def head(network: Path | bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    session = ort.InferenceSession(network, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": images})[0])


@pytest.fixture(scope="module")
def pages() -> NDArray[np.float32]:
    """(2, 1, 384, 704) of forms."""
    shown = [form(rows_of_boxes(28))[:384, :704], form()[200:584, 300:1004]]
    return np.stack(shown)[:, None].astype(np.float32) / np.float32(255)


def test_the_layout_changes_no_answer(pages: NDArray[np.float32]) -> None:
    plain = head(NETWORK, pages)
    laid_out = head(lay_out(layers_of(NETWORK)).SerializeToString(), pages)
    assert plain[:, 0].max() > 0.5
    assert laid_out == pytest.approx(plain, abs=1e-3)


def test_a_rounded_layer_keeps_its_mean() -> None:
    rng = np.random.default_rng(1)
    layer = rng.normal(size=(4, 1, 3, 3)).astype(np.float32), np.zeros(4, np.float32)
    kernel, bias = keep_mean(layer, 0.9, 64)
    steps = kernel / np.abs(layer[0]).max(axis=(1, 2, 3), keepdims=True) * 64
    assert steps == pytest.approx(np.round(steps), abs=1e-3)
    assert not np.array_equal(kernel, layer[0])
    kept = 0.9 * kernel.sum(axis=(1, 2, 3)) + bias
    assert kept == pytest.approx(0.9 * layer[0].sum(axis=(1, 2, 3)), abs=1e-5)

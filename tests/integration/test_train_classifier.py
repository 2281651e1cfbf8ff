"""From a folder of pages to a server that knows their classes, by the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from meshkit.testing import draw_page
from pagemesh.client import Client

TEXTS = {
    "delivery_note": ["DELIVERY NOTE", "Carrier", "Pallets", "Received in good order", "Driver"],
    "meter_card": ["METER READING CARD", "Meter number", "Reading kWh", "Previous reading", "Day"],
}


def page(label: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    words = ["north", "stone", "harbour", "seven", "green", "river", "amber", "field"]
    filled = [f"{line} {rng.choice(words)} {rng.integers(10, 9999)}" for line in TEXTS[label]]
    return draw_page([*filled, *rng.choice(words, 3)], width=620, height=800)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for label in TEXTS:
        (folder / label).mkdir()
        for seed in range(4):
            cv2.imwrite(str(folder / label / f"{seed}.png"), page(label, seed))
    (folder / "meter_card" / "broken.png").write_bytes(b"no image")
    out = folder / "model"
    done = subprocess.run(
        [sys.executable, "-m", "pagemesh.cli", "train-classifier", str(folder), "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "broken.png: left out" in done.stderr
    assert "few: give 10 or more" in done.stdout
    return out


def test_the_server_answers_with_the_classes_of_the_folder(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(os.environ, "PAGEMESH_CLASSIFY_MODEL", str(model))
    with Client() as client:
        for label in TEXTS:
            path = tmp_path / f"{label}.png"
            cv2.imwrite(str(path), page(label, 77))
            (found,) = client.analyze(path, pipeline="classify").collect().pages

            assert found.classify.scores[0].label == label
            assert {score.label for score in found.classify.scores} == set(TEXTS)
            assert found.classify.used_text
            assert not found.HasField("ocr")
            assert not found.classify.HasField("features")


def test_a_model_of_another_format_is_refused_by_the_server(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.json").write_text('{"format": "something else"}')
    done = subprocess.run(
        [sys.executable, "-m", "servers.classify"],
        env={**os.environ, "PAGEMESH_CLASSIFY_MODEL": str(other), "PAGEMESH_CLASSIFY_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "does not say" in done.stdout + done.stderr

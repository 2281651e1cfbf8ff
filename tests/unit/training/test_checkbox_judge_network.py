"""The judge as it is exported. Runs with the `train` extra."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="networks are trained with the extra `train`")

import torch

from servers.checkbox.crops import crop_boxes
from servers.checkbox.judge import Judge
from training.detectors.checkbox_judge_network import JudgeNetwork, export_judge


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_judge_weighs_both_networks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = JudgeNetwork().eval()
    page, rects = np.full((200, 300), 255, np.uint8), np.array([[60, 40, 80, 64]], float)
    page[40:64, 60:80] = 0
    crops = crop_boxes(page, rects)
    chances = np.array([[0.8, 0.3, 0.5]])
    export_judge(network, np.tile([1.0, 0.0, 0.0], (3, 1)), tmp_path / "proposed.onnx")
    export_judge(network, np.tile([0.0, 1.0, 0.5], (3, 1)), tmp_path / "judged.onnx")
    first = Judge(tmp_path / "proposed.onnx", threads=1, device="cpu")
    assert first.judge(crops, chances) == pytest.approx(chances, abs=1e-4)
    second = Judge(tmp_path / "judged.onnx", threads=1, device="cpu")
    judged = second.judge(crops, chances)
    assert second.judge(crops, chances * 0) == pytest.approx(judged)
    logits = np.log(judged / (1 - judged)) - 0.5
    with torch.no_grad():
        alone = network(torch.tensor(crops) / 255)
    assert logits == pytest.approx(alone.numpy(), abs=1e-3)

"""Chances fitted to logits."""

import numpy as np
import pytest

from training.detectors.calibration import fit_chances, fit_platt


def test_the_weights_that_made_the_answers_are_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 2))
    chance = 1 / (1 + np.exp(-(logits @ [0.7, 1.6] - 0.4)))
    right = (rng.random(len(logits)) < chance).astype(float)
    assert fit_chances(logits, right) == pytest.approx([0.7, 1.6, -0.4], abs=0.1)


def test_a_feature_that_says_nothing_gets_no_weight() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (20000, 2))
    right = (rng.random(len(logits)) < 1 / (1 + np.exp(-logits[:, 1]))).astype(float)
    assert fit_chances(logits, right)[0] == pytest.approx(0, abs=0.05)


def test_separable_answers_leave_the_fit_finite() -> None:
    slope, shift = fit_platt(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]))
    assert np.isfinite([slope, shift]).all()
    assert slope > 0

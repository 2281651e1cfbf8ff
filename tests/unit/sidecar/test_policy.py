"""Limits by method."""

import pytest
from pydantic import ValidationError

from sidecar.config import SidecarConfig, parse_limit
from sidecar.policy import MethodGate, MethodLimit, Policy
from sidecar.replies import Code


def test_calls_at_once() -> None:
    gate = MethodGate(MethodLimit("*", max_concurrency=2))
    assert gate.enter("a/B") is None
    assert gate.enter("a/B") is None
    refusal = gate.enter("a/B")
    assert refusal is not None
    assert refusal.code is Code.RESOURCE_EXHAUSTED
    assert refusal.retry_after
    gate.leave()
    assert gate.enter("a/B") is None


def test_calls_a_second() -> None:
    now = 0.0
    gate = MethodGate(MethodLimit("*", max_rate=2), clock=lambda: now)
    assert [gate.enter("a/B") is None for _ in range(3)] == [True, True, False]
    refusal = gate.enter("a/B")
    assert refusal is not None
    assert refusal.retry_after == pytest.approx(0.5)
    now = 0.5
    assert gate.enter("a/B") is None
    now = 100.0
    assert [gate.enter("a/B") is None for _ in range(3)] == [True, True, False]


def test_the_first_pattern_that_fits_decides() -> None:
    policy = Policy((MethodLimit("a.S/One", 1), MethodLimit("a.*", 2)))
    gates = [policy.gate(method) for method in ("a.S/One", "a.S/Two", "a.T/One", "b.S/One")]
    assert [gate and gate.limit.max_concurrency for gate in gates] == [1, 2, 2, None]
    assert gates[1] is gates[2]


def test_limits_are_read_from_text() -> None:
    assert parse_limit("a/*;8;0.5;1000") == MethodLimit("a/*", 8, 0.5, 1000)
    assert parse_limit("a/*;8") == MethodLimit("a/*", 8)
    config = SidecarConfig(method_limits=("a/*;8", "b/*;0;3"))
    assert config.limits == (MethodLimit("a/*", 8), MethodLimit("b/*", 0, 3.0))


@pytest.mark.parametrize("text", ["a/*;x", "a/*;1;2;3;4", ";1", "a/*;-1"])
def test_limits_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SidecarConfig(method_limits=(text,))


@pytest.mark.parametrize("text", ["nowhere", "host:port", "unix:", "host:70000"])
def test_addresses_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SidecarConfig(listen=text)

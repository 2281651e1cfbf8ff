"""The circuit breaker, with a clock that a test sets."""

import asyncio

import pytest

from meshkit.errors import DeadlineExceeded, DependencyUnavailable, InvalidPage, PagemeshError
from orchestrator.breaker import CIRCUIT_OPEN, BreakerPolicy, CircuitBreaker


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("ocr", BreakerPolicy(failures=3, reset_after=10), clock)


async def call(breaker: CircuitBreaker, error: PagemeshError | None, **how: bool) -> str:
    """What became of a call that ends so: a reason, or `ok`."""
    try:
        async with breaker.guard(**how):
            if error is not None:
                raise error
    except PagemeshError as caught:
        return caught.reason
    return "ok"


DOWN = DependencyUnavailable("no route")


async def test_opens_after_failures_in_a_row(breaker: CircuitBreaker) -> None:
    for error in (DOWN, DOWN, None, DOWN, DOWN):
        await call(breaker, error)
    assert not breaker.is_open
    await call(breaker, DOWN)
    assert breaker.is_open
    assert await call(breaker, None) == CIRCUIT_OPEN


async def test_refusal_says_what_is_wrong_and_since_when(breaker: CircuitBreaker) -> None:
    for _ in range(3):
        await call(breaker, DOWN)
    with pytest.raises(DependencyUnavailable) as caught:
        async with breaker.guard():
            pass
    error = caught.value
    assert "no route" in error.message
    assert error.metadata["failures"] == "3"
    assert error.metadata["open_since"] in error.message
    assert error.retry_after == pytest.approx(10)


async def test_one_probe_at_a_time_closes_or_reopens(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(3):
        await call(breaker, DOWN)
    clock.now += 11
    async with breaker.guard():
        assert await call(breaker, None) == CIRCUIT_OPEN
    assert not breaker.is_open

    for _ in range(3):
        await call(breaker, DOWN)
    clock.now += 11
    assert await call(breaker, DOWN) == DOWN.reason
    clock.now += 9
    assert await call(breaker, None) == CIRCUIT_OPEN


async def test_cancelled_probe_gives_its_place_back(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(3):
        await call(breaker, DOWN)
    clock.now += 11

    async def probe() -> None:
        async with breaker.guard():
            await asyncio.sleep(60)

    task = asyncio.create_task(probe())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert await call(breaker, None) == "ok"


async def test_answers_about_a_page_say_nothing_about_the_model(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        await call(breaker, InvalidPage("bad"))
    assert not breaker.is_open


async def test_timeouts_count_only_when_the_time_was_the_steps_own(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        await call(breaker, DeadlineExceeded("late"), is_timeout_telling=False)
    assert not breaker.is_open
    for _ in range(3):
        await call(breaker, DeadlineExceeded("late"))
    assert breaker.is_open

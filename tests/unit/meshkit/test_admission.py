"""The pixel budget."""

import asyncio

import pytest

from meshkit.admission import SMALLEST_CHARGE, PixelBudget
from meshkit.errors import Overloaded

MEGA = 1_000_000


async def test_a_full_budget_refuses_with_a_time_to_retry() -> None:
    budget = PixelBudget(3 * MEGA)
    async with budget.hold(2 * MEGA, wait=False):
        with pytest.raises(Overloaded) as refused:
            async with budget.hold(2 * MEGA, wait=False):
                pass
        assert refused.value.retry_after
        async with budget.hold(MEGA, wait=False):
            assert budget.held == 3 * MEGA
    assert budget.held == 0


async def test_who_waits_gets_in_by_turn_and_before_who_does_not_wait() -> None:
    budget = PixelBudget(2 * MEGA)
    order: list[int] = []

    async def hold(number: int) -> None:
        async with budget.hold(2 * MEGA, wait=True):
            order.append(number)

    async with budget.hold(MEGA, wait=False):
        tasks = [asyncio.create_task(hold(n)) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            async with budget.hold(MEGA, wait=False):
                pass
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]
    assert budget.held == 0


async def test_a_page_larger_than_the_budget_is_let_in_alone() -> None:
    budget = PixelBudget(MEGA)
    async with budget.hold(5 * MEGA, wait=False):
        assert budget.held == MEGA


async def test_tiny_pages_are_not_free() -> None:
    budget = PixelBudget(MEGA)
    async with budget.hold(1, wait=False):
        assert budget.held == SMALLEST_CHARGE


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_cancelled_waiter_holds_nothing_and_lets_the_next_in(turns: int) -> None:
    budget = PixelBudget(MEGA)

    async def hold() -> str:
        async with budget.hold(MEGA, wait=True):
            return "held"

    async with budget.hold(MEGA, wait=False):
        first, second = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
    for _ in range(turns):
        await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.wait_for(second, 60) == "held"
    await asyncio.gather(first, return_exceptions=True)
    assert budget.held == 0

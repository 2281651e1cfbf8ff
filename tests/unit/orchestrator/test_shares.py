"""Whose turn it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from meshkit.admission import PixelBudget
from orchestrator.seats import QUANTUM, Seat, Seats
from orchestrator.shares import MOST_BEHIND, Share, Shares

URGENT, NORMAL, BULK = 0, 1, 2
PAGE = 11_000_000


def test_who_comes_late_owes_nothing_and_is_owed_little() -> None:
    shares = Shares()
    with shares.taking_part("greedy", NORMAL) as greedy:
        for _ in range(1000):
            greedy.admitted(PAGE)
        with shares.taking_part("late", NORMAL) as late:
            assert late.level == greedy.level
            greedy.admitted(100 * PAGE)
            assert greedy.level - late.level == MOST_BEHIND


def test_nothing_is_kept_of_a_client_without_documents() -> None:
    shares = Shares()
    with shares.taking_part("one", NORMAL) as first, shares.taking_part("one", BULK) as second:
        first.admitted(PAGE)
        assert second.level == PAGE
    with shares.taking_part("one", NORMAL) as again:
        assert again.level == 0


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_clients_get_even_shares_however_many_documents_they_have(documents: list[int]) -> None:
    shares = Shares()
    with contextlib.ExitStack() as stack:
        waiting = [
            stack.enter_context(shares.taking_part(str(client), NORMAL))
            for client, count in enumerate(documents)
            for _ in range(count)
        ]
        given_pages = dict.fromkeys(map(str, range(len(documents))), 0)
        for _ in range(20 * len(documents)):
            share = min(waiting, key=Share.rank)
            share.admitted(PAGE)
            given_pages[share.client] += 1
    assert set(given_pages.values()) == {20}


async def test_pages_take_turns_by_client_and_urgent_ones_come_first() -> None:
    budget, shares, came = PixelBudget(PAGE), Shares(), list[str]()

    async def read(name: str, share: Share) -> None:
        async with budget.hold(PAGE, wait=True, applicant=share):
            came.append(name)
            await asyncio.sleep(0)

    with (
        shares.taking_part("a", BULK) as bulk,
        shares.taking_part("a", URGENT) as urgent,
        shares.taking_part("b", BULK) as other,
    ):
        waiting = [("bulk", bulk)] * 3 + [("urgent", urgent), ("other", other), ("other", other)]
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for name, share in waiting:
                group.create_task(read(name, share))
    assert came == ["bulk", "other", "urgent", "other", "bulk", "bulk"]


@contextlib.asynccontextmanager
async def seated(seats: Seats, *shares: Share) -> AsyncIterator[list[Seat]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(seats.seat(share)) for share in shares]


async def wait_for(seats: Seats, share: Share) -> asyncio.Task[None]:
    async def sit() -> None:
        async with seats.seat(share):
            pass

    task = asyncio.create_task(sit())
    await asyncio.sleep(0)
    return task


async def test_a_seat_is_given_up_when_another_client_took_a_quantum_less() -> None:
    shares, seats = Shares(), Seats(2)
    with shares.taking_part("a", NORMAL) as a, shares.taking_part("b", NORMAL) as b:
        async with seated(seats, a, a) as (first, second):
            waiting = await wait_for(seats, b)
            assert not first.is_wanted()
            a.admitted(QUANTUM)
            assert first.is_wanted()
            assert not second.is_wanted()  # one who makes room is enough
            assert first.is_wanted()
        await waiting


async def test_an_urgent_document_waits_for_none_of_its_own_client() -> None:
    shares, seats = Shares(), Seats(1)
    with (
        shares.taking_part("a", BULK) as bulk,
        shares.taking_part("a", NORMAL) as normal,
        shares.taking_part("a", BULK) as other_bulk,
    ):
        async with seated(seats, bulk) as (seat,):
            later = await wait_for(seats, other_bulk)
            assert not seat.is_wanted()
            waiting = await wait_for(seats, normal)
            assert seat.is_wanted()
        await asyncio.gather(waiting, later)


async def test_urgency_takes_no_seat_from_a_client_that_took_less() -> None:
    shares, seats = Shares(), Seats(1)
    with shares.taking_part("a", BULK) as bulk, shares.taking_part("b", URGENT) as urgent:
        urgent.admitted(PAGE)
        async with seated(seats, bulk) as (seat,):
            waiting = await wait_for(seats, urgent)
            assert not seat.is_wanted()
            bulk.admitted(PAGE)
            assert seat.is_wanted()
        await waiting


async def test_who_gives_up_waiting_leaves_the_seat_to_the_next() -> None:
    shares, seats = Shares(), Seats(1)
    with shares.taking_part("a", NORMAL) as a:
        async with seated(seats, a):
            gone, waiting = await wait_for(seats, a), await wait_for(seats, a)
            gone.cancel()
            await asyncio.wait([gone])
        async with asyncio.timeout(60):
            await waiting
            async with seated(seats, a):
                pass

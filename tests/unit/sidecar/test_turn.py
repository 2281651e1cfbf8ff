"""What is to be done at the end of a turn is done then, in order, and once."""

import asyncio

from sidecar.http2.turn import Turn


async def test_what_a_read_leads_to_waits_until_it_is_worked_through() -> None:
    turn, done = Turn(), []
    turn.begin()
    turn.at_end(lambda: done.append(1))
    turn.at_end(lambda: done.append(2))
    await asyncio.sleep(0)
    assert done == []
    turn.end()
    assert done == [1, 2]
    await asyncio.sleep(0)
    assert done == [1, 2]


async def test_outside_of_a_read_the_loops_turn_counts() -> None:
    turn, done = Turn(), []
    turn.at_end(lambda: turn.at_end(lambda: done.append(2)))
    turn.at_end(lambda: done.append(1))
    assert done == []
    await asyncio.sleep(0)
    assert done == [1]
    await asyncio.sleep(0)
    assert done == [1, 2]

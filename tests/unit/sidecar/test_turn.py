"""What is to be done at the end of a turn is done then, in order, and once."""

import asyncio

import pytest

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


async def test_what_fails_leaves_the_rest_to_be_done(caplog: pytest.LogCaptureFixture) -> None:
    turn = Turn()
    done: list[int] = []
    turn.begin()
    turn.at_end(lambda: done[1])
    turn.at_end(lambda: done.append(2))
    turn.end()
    assert done == [2]
    assert "IndexError" in caplog.text

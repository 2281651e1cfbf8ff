"""What is wanted while others are served is done together."""

import asyncio
from collections.abc import Sequence

import pytest

from orchestrator.sources.gathering import Gathering


async def test_what_is_wanted_meanwhile_is_done_at_once() -> None:
    done: list[list[int]] = []

    async def double(wishes: Sequence[int]) -> list[int]:
        done.append(list(wishes))
        await asyncio.sleep(0)
        return [2 * wish for wish in wishes]

    gathering = Gathering(double)
    assert await gathering.want(1) == 2
    assert await asyncio.gather(*map(gathering.want, range(1200))) == list(range(0, 2400, 2))
    assert [len(each) for each in done] == [1, 500, 500, 200]


async def test_trouble_is_everybodys_and_passes() -> None:
    is_away = True

    async def do(wishes: Sequence[int]) -> Sequence[int]:
        if is_away:
            raise OSError("away")
        return wishes

    gathering = Gathering(do)
    answers = await asyncio.gather(gathering.want(1), gathering.want(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError, OSError]
    is_away = False
    assert await gathering.want(3) == 3


async def test_who_goes_away_spoils_nothing() -> None:
    go_on = asyncio.Event()

    async def do(wishes: Sequence[int]) -> Sequence[int]:
        await go_on.wait()
        return wishes

    gathering = Gathering(do)
    impatient, patient = (asyncio.create_task(gathering.want(n)) for n in (1, 2))
    await asyncio.sleep(0)
    impatient.cancel()
    go_on.set()
    assert await patient == 2
    with pytest.raises(asyncio.CancelledError):
        await impatient

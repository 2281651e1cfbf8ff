"""The batcher: nobody waits for ever, nobody gets another's answer."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.batching import Batcher
from meshkit.errors import DeadlineExceeded, Internal, InvalidPage, ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.testing import WatchedModel

Page = PageInput[int]


def page(number: int) -> Page:
    return PageInput(np.zeros((1, 1), np.uint8), None, number)


class Echo(PageModel[int, int]):
    """Answers a page with its number; buckets are even and odd."""

    concurrent = True

    def __init__(self, answer: Callable[[Sequence[Page]], Sequence[int | PagemeshError]]) -> None:
        self._answer = answer

    def load(self) -> ModelIdentity:
        return ModelIdentity("echo", "1.0.0", "sha256:0", "cpu")

    def predict(self, pages: Sequence[Page]) -> Sequence[int | PagemeshError]:
        return self._answer(pages)

    def bucket(self, page: Page) -> Hashable:
        return page.options % 2


def numbers(pages: Sequence[Page]) -> list[int]:
    return [p.options for p in pages]


def watched(
    answer: Callable[[Sequence[Page]], Sequence[int | PagemeshError]] = numbers,
) -> WatchedModel[int, int]:
    return WatchedModel(Echo(answer))


async def started(model: WatchedModel[int, int]) -> None:
    assert await asyncio.to_thread(model.started.wait, 10)


async def settle() -> None:
    """Let everything run that can run without waiting."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_cancelling_one_caller_of_a_batch_leaves_no_other_waiting() -> None:
    model = watched()
    batcher = Batcher(model, max_size=3, max_delay=30)
    first, second = (asyncio.create_task(batcher.submit(page(n))) for n in (2, 4))
    await settle()
    first.cancel()
    third, fourth = (asyncio.create_task(batcher.submit(page(n))) for n in (6, 8))
    answers = await asyncio.wait_for(asyncio.gather(second, third, fourth), 10)
    assert [a.result for a in answers] == [4, 6, 8]
    assert {a.batch_size for a in answers} == {3}
    assert first.cancelled()
    await batcher.close()


async def test_cancelling_the_caller_that_came_first_does_not_stop_the_timer_of_the_others() -> (
    None
):
    batcher = Batcher(watched(), max_size=3, max_delay=0.05)
    first, second = (asyncio.create_task(batcher.submit(page(n))) for n in (2, 4))
    await settle()
    first.cancel()
    assert (await asyncio.wait_for(second, 60)).result == 4
    await batcher.close()


async def test_cancelling_while_the_batch_runs_leaves_the_others_their_answers() -> None:
    model = watched()
    model.gate.clear()
    batcher = Batcher(model, max_size=2, max_delay=30)
    first, second = (asyncio.create_task(batcher.submit(page(n))) for n in (2, 4))
    await started(model)
    first.cancel()
    await settle()
    model.gate.set()
    assert (await asyncio.wait_for(second, 60)).result == 4
    await batcher.close()


async def test_a_batch_that_everybody_left_is_never_run_and_blocks_nothing() -> None:
    model = watched()
    batcher = Batcher(model, max_size=3, max_delay=0.02)
    callers = [asyncio.create_task(batcher.submit(page(n))) for n in (2, 4)]
    await settle()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert batcher.queued == 0
    assert (await asyncio.wait_for(batcher.submit(page(6)), 10)).batch_size == 1
    assert [numbers(b) for b in model.batches] == [[6]]
    await batcher.close()


async def test_a_caller_cancelled_this_very_moment_fills_no_place_in_a_batch() -> None:
    model = watched()
    batcher = Batcher(model, max_size=2, max_delay=30)
    first = asyncio.create_task(batcher.submit(page(2)))
    await settle()
    second = asyncio.create_task(batcher.submit(page(4)))
    first.cancel()  # the second one submits before the first one wakes up to its end
    await settle()
    third = await asyncio.wait_for(batcher.submit(page(6)), 10)
    assert third.batch_size == 2
    assert (await second).result == 4
    assert [numbers(b) for b in model.batches] == [[4, 6]]
    await batcher.close()


async def test_queued_pages_of_cancelled_callers_are_never_run() -> None:
    model = watched()
    model.gate.clear()
    batcher = Batcher(model)
    running = asyncio.create_task(batcher.submit(page(0)))
    await started(model)
    queued = [asyncio.create_task(batcher.submit(page(n))) for n in (2, 4, 6)]
    await settle()
    queued[1].cancel()
    model.gate.set()
    results = await asyncio.gather(running, queued[0], queued[2])
    assert [r.result for r in results] == [0, 2, 6]
    assert [numbers(b) for b in model.batches] == [[0], [2], [6]]
    await batcher.close()


async def test_a_page_queued_past_its_deadline_is_dropped_and_told() -> None:
    model = watched()
    model.gate.clear()
    batcher = Batcher(model)
    running = asyncio.create_task(batcher.submit(page(0)))
    await started(model)
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(batcher.submit(page(2), deadline=time.monotonic() + 0.02), 60)
    model.gate.set()
    await running
    assert [numbers(b) for b in model.batches] == [[0]]
    await batcher.close()


async def test_batches_hold_one_bucket_and_at_most_max_size_pages() -> None:
    model = watched()
    batcher = Batcher(model, max_size=2, max_delay=0.02)
    answers = await asyncio.gather(*(batcher.submit(page(n)) for n in range(7)))
    assert [a.result for a in answers] == list(range(7))
    batches = [numbers(b) for b in model.batches]
    assert all(len(b) <= 2 and len({n % 2 for n in b}) == 1 for b in batches)
    assert len(batches) == 4
    await batcher.close()


async def test_a_full_bucket_does_not_wait_and_a_lonely_page_waits_no_longer_than_the_delay() -> (
    None
):
    patient = Batcher(watched(), max_size=2, max_delay=30)
    both = asyncio.gather(patient.submit(page(0)), patient.submit(page(2)))
    assert [a.batch_size for a in await asyncio.wait_for(both, 60)] == [2, 2]
    await patient.close()
    hasty = Batcher(watched(), max_size=2, max_delay=0.05)
    lonely = await asyncio.wait_for(hasty.submit(page(4)), 10)
    assert lonely.queue_seconds >= 0.045
    await hasty.close()


async def test_a_bucket_that_waits_does_not_hold_up_another() -> None:
    model = watched()
    batcher = Batcher(model, max_size=2, max_delay=30)
    odd = asyncio.create_task(batcher.submit(page(1)))
    even = await asyncio.wait_for(
        asyncio.gather(batcher.submit(page(0)), batcher.submit(page(2))), 10
    )
    assert [a.result for a in even] == [0, 2]
    odd.cancel()
    await asyncio.gather(odd, return_exceptions=True)
    await batcher.close()


async def test_a_bad_page_fails_alone() -> None:
    def answer(pages: Sequence[Page]) -> list[int | PagemeshError]:
        return [InvalidPage("four") if p.options == 4 else p.options for p in pages]

    batcher = Batcher(watched(answer), max_size=3, max_delay=30)
    two, four, six = await asyncio.gather(
        *(batcher.submit(page(n)) for n in (2, 4, 6)), return_exceptions=True
    )
    assert isinstance(four, InvalidPage)
    assert not isinstance(two, BaseException)
    assert not isinstance(six, BaseException)
    assert (two.result, six.result) == (2, 6)
    await batcher.close()


def _raise(pages: Sequence[Page]) -> list[int]:
    raise KeyError("secret")


def _exit(pages: Sequence[Page]) -> list[int]:
    raise SystemExit(3)


def _one_short(pages: Sequence[Page]) -> list[int]:
    return numbers(pages)[1:]


@pytest.mark.parametrize("fault", [_raise, _exit, _one_short])
async def test_a_model_that_fails_fails_its_batch_only_and_tells_nothing(
    fault: Callable[[Sequence[Page]], list[int]], caplog: pytest.LogCaptureFixture
) -> None:
    def answer(pages: Sequence[Page]) -> list[int]:
        return fault(pages) if pages[0].options == 0 else numbers(pages)

    batcher = Batcher(watched(answer), max_size=2, max_delay=0)
    outcomes = await asyncio.gather(
        *(batcher.submit(page(n)) for n in (0, 2)), return_exceptions=True
    )
    failed = [o for o in outcomes if isinstance(o, BaseException)]
    assert failed
    assert all(isinstance(o, Internal) and "secret" not in str(o) for o in failed)
    assert caplog.records
    assert (await batcher.submit(page(4))).result == 4
    await batcher.close()


async def test_cost_is_shared_by_the_batch() -> None:
    def slow(pages: Sequence[Page]) -> list[int]:
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
        return numbers(pages)

    batcher = Batcher(watched(slow), max_size=2, max_delay=30)
    answers = await asyncio.gather(batcher.submit(page(0)), batcher.submit(page(2)))
    assert [a.batch_size for a in answers] == [2, 2]
    assert sum(a.inference_seconds for a in answers) >= 0.05
    await batcher.close()


async def test_a_concurrent_model_runs_in_several_threads() -> None:
    both = threading.Barrier(2)

    def meet(pages: Sequence[Page]) -> list[int]:
        both.wait(60)
        return numbers(pages)

    batcher = Batcher(watched(meet), workers=2)
    answers = await asyncio.gather(batcher.submit(page(0)), batcher.submit(page(2)))
    assert [a.result for a in answers] == [0, 2]
    await batcher.close()


async def test_a_model_that_is_not_concurrent_runs_one_batch_at_a_time() -> None:
    model = watched()
    model.concurrent = False
    model.gate.clear()
    batcher = Batcher(model, workers=2)
    callers = [asyncio.create_task(batcher.submit(page(n))) for n in range(3)]
    await started(model)
    await settle()
    assert len(model.batches) == 1
    model.gate.set()
    await asyncio.gather(*callers)
    await batcher.close()


async def test_close_answers_what_is_queued_takes_no_more_and_may_be_repeated() -> None:
    model = watched()
    batcher = Batcher(model, max_size=8, max_delay=30)
    caller = asyncio.create_task(batcher.submit(page(2)))
    await settle()
    await asyncio.wait_for(asyncio.gather(batcher.close(), batcher.close()), 10)
    assert (await caller).result == 2
    with pytest.raises(ModelNotReady):
        await batcher.submit(page(4))
    await batcher.close()


Step = tuple[str, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(0, 50)),
        st.tuples(st.just("cancel"), st.integers(0, 50)),
        st.tuples(st.just("yield"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, max_size=st.integers(1, 4), workers=st.integers(1, 3))
def test_whatever_is_cancelled_everybody_else_gets_exactly_their_own_answer(
    steps: list[Step], max_size: int, workers: int
) -> None:
    async def play() -> None:
        model = watched()
        batcher = Batcher(model, max_size=max_size, max_delay=0.001, workers=workers)
        callers: list[tuple[int, asyncio.Task[int]]] = []

        async def call(number: int) -> int:
            return (await batcher.submit(page(number))).result

        for action, value in steps:
            match action:
                case "submit":
                    callers.append((value, asyncio.create_task(call(value))))
                case "cancel" if callers:
                    callers[value % len(callers)][1].cancel()
                case "yield":
                    for _ in range(value):
                        await asyncio.sleep(0)
                case "wait":
                    await asyncio.sleep(0.001)
        await asyncio.wait_for(
            asyncio.gather(*(task for _, task in callers), return_exceptions=True), 10
        )
        assert all(task.cancelled() or task.result() == number for number, task in callers)
        await asyncio.wait_for(batcher.close(), 10)
        assert batcher.queued == 0
        assert all(
            len(b) <= max_size and len({p.options % 2 for p in b}) == 1 for b in model.batches
        )

    asyncio.run(play())

"""What is wanted one by one, done several at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

WishT = TypeVar("WishT")
AnswerT = TypeVar("AnswerT")

_MOST_AT_ONCE = 500


class Gathering(Generic[WishT, AnswerT]):
    """Does together all that was wanted while it was busy. For one event loop.

    Args:
        do: fulfils wishes, in their order; what it raises is raised for each of them.
        most: wishes at once.
    """

    def __init__(
        self,
        do: Callable[[Sequence[WishT]], Awaitable[Sequence[AnswerT]]],
        most: int = _MOST_AT_ONCE,
    ) -> None:
        self._do = do
        self._most = most
        self._wishes: list[tuple[WishT, asyncio.Future[AnswerT]]] = []
        self._doing: asyncio.Task[None] | None = None

    async def want(self, wish: WishT) -> AnswerT:
        """Its answer. A wish whose caller goes away is fulfilled all the same."""
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._wishes.append((wish, answer))
        if self._doing is None:
            self._doing = asyncio.create_task(self._fulfil())
        return await answer

    async def _fulfil(self) -> None:
        try:
            while self._wishes:
                several = self._wishes[: self._most]
                del self._wishes[: self._most]
                await self._fulfil_at_once(several)
        finally:
            self._doing = None

    async def _fulfil_at_once(
        self, several: Sequence[tuple[WishT, asyncio.Future[AnswerT]]]
    ) -> None:
        waiting = [answer for _, answer in several]
        try:
            answers = await self._do([wish for wish, _ in several])
        except Exception as error:
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, value in zip(waiting, answers, strict=True):
            if not answer.done():
                answer.set_result(value)

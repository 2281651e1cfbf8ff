"""Calls to models: deadlines, retries, a circuit breaker a model, and no trust in answers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import tenacity

from meshkit.errors import Internal, PagemeshError
from orchestrator.breaker import CIRCUIT_OPEN, BreakerPolicy, CircuitBreaker
from orchestrator.calls import CallBudget
from orchestrator.faults import INVALID_MODEL_ANSWER, error_from_call

Channel = Any
"""A grpc.aio.Channel, or anything with its `unary_unary`: a model in this process, say."""


@dataclass(frozen=True)
class ModelClient:
    """One model as the orchestrator sees it.

    Attributes:
        name: the model's noun: `ocr`.
        channel: the way to it.
        breaker: shared by every call to it.
    """

    name: str
    channel: Channel
    breaker: CircuitBreaker

    async def call(self, method: Callable[..., Any], request: Any, budget: CallBudget) -> Any:
        """Call a method of this model, repeating it where that can help and time is left.

        Repeated are UNAVAILABLE, and RESOURCE_EXHAUSTED when the model says after which time to try
        again. Raises the last error as a PagemeshError; a refused call has reason CIRCUIT_OPEN.
        """
        async for attempt in self._retrying(budget):
            with attempt:
                remaining = budget.remaining()
                async with self.breaker.guard(is_timeout_telling=budget.is_own):
                    budget.attempts += 1
                    return await self._call_once(method, request, remaining)
        raise AssertionError("unreachable: the last attempt's error is raised")

    async def _call_once(self, method: Callable[..., Any], request: Any, timeout: float) -> Any:
        try:
            answer = await method(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise error_from_call(error, self.name) from error
        if answer is None:  # gRPC's word for bytes that are not the message
            raise Internal(
                f"the {self.name} model answered bytes that are not of its contract",
                reason=INVALID_MODEL_ANSWER,
                metadata={"model": self.name},
            )
        return answer

    def _retrying(self, budget: CallBudget) -> tenacity.AsyncRetrying:
        policy = budget.retries
        jitter = tenacity.wait_random_exponential(
            multiplier=policy.initial_backoff, max=policy.max_backoff, exp_base=policy.multiplier
        )

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, PagemeshError) else None
            return jitter(state) + (asked or 0.0)

        def is_to_stop(state: tenacity.RetryCallState) -> bool:
            next_call = asyncio.get_running_loop().time() + state.upcoming_sleep
            return state.attempt_number >= policy.attempts or next_call >= budget.deadline

        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(is_retryable),
            stop=is_to_stop,
            wait=wait,
            reraise=True,
        )


def is_retryable(error: BaseException) -> bool:
    """Whether the same call may do better a little later."""
    if not isinstance(error, PagemeshError) or error.reason == CIRCUIT_OPEN:
        return False
    if error.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return error.retry_after is not None
    return error.code is grpc.StatusCode.UNAVAILABLE


class Models:
    """The models that stages may ask for, by their noun."""

    def __init__(self, channels: Mapping[str, Channel], policy: BreakerPolicy) -> None:
        self._clients = {
            name: ModelClient(name, channel, CircuitBreaker(name, policy))
            for name, channel in channels.items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._clients

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, sorted."""
        return tuple(sorted(self._clients))

    def client(self, name: str) -> ModelClient:
        """The one of this name. Raises KeyError: pipelines are checked against `names` first."""
        return self._clients[name]

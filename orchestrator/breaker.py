"""A circuit breaker for one model: after enough failures in a row it stops asking.

States after Nygard, "Release It!": closed (calls pass), open (calls are refused at once), half-open
(one probe passes; its outcome closes or reopens). Kept here because no maintained asyncio library
lets a single probe through and says since when the circuit has been open.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc

from meshkit.errors import DependencyUnavailable, PagemeshError
from orchestrator.telemetry.circuits import tell_circuit

CIRCUIT_OPEN = "CIRCUIT_OPEN"
_TELLING_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to stop asking.

    Attributes:
        failures: failures in a row that open the circuit.
        reset_after: seconds after which an open circuit lets one probe through.
    """

    failures: int = 5
    reset_after: float = 5.0


class CircuitBreaker:
    """Guards the calls to one model. For use from one event loop."""

    def __init__(
        self, model: str, policy: BreakerPolicy, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._open_since: datetime | None = None
        self._is_probing = False
        self._last_message = ""

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, a probe aside."""
        return self._opened_at is not None

    @asynccontextmanager
    async def guard(self, *, is_timeout_telling: bool = True) -> AsyncIterator[None]:
        """Around one call. Raises DependencyUnavailable (CIRCUIT_OPEN) instead of letting it pass.

        Args:
            is_timeout_telling: False when running out of time is the caller's doing.
        """
        is_probe = self._admit()
        try:
            yield
        except PagemeshError as error:
            is_timeout = error.code is grpc.StatusCode.DEADLINE_EXCEEDED
            if error.code in _TELLING_CODES:
                if is_timeout_telling or not is_timeout:
                    self._failed(error)
            elif error.code is not grpc.StatusCode.CANCELLED:
                self._succeeded()
            raise
        else:
            self._succeeded()
        finally:
            if is_probe:
                self._is_probing = False

    def _admit(self) -> bool:
        """True for the probe of a half-open circuit, False for a call through a closed one."""
        if self._opened_at is None:
            return False
        waited = self._clock() - self._opened_at
        if waited < self._policy.reset_after or self._is_probing:
            raise self._refusal(max(self._policy.reset_after - waited, 0.1))
        self._is_probing = True
        return True

    def _refusal(self, retry_after: float) -> DependencyUnavailable:
        since = self._open_since.isoformat(timespec="seconds") if self._open_since else ""
        return DependencyUnavailable(
            f"the {self._model} model was not asked: its circuit is open since {since} after "
            f"{self._failures} failures in a row; the last one: {self._last_message}",
            reason=CIRCUIT_OPEN,
            metadata={"model": self._model, "open_since": since, "failures": str(self._failures)},
            retry_after=retry_after,
        )

    def _succeeded(self) -> None:
        if self.is_open:
            _log.info("circuit closed", extra={"model": self._model})
            tell_circuit(self._model, is_open=False)
        self._failures, self._opened_at, self._open_since = 0, None, None

    def _failed(self, error: PagemeshError) -> None:
        self._failures += 1
        self._last_message = error.message
        if self._failures < self._policy.failures:
            return
        if not self.is_open:
            self._open_since = datetime.now(UTC)
            _log.warning("circuit opened", extra={"model": self._model, "cause": error.message})
            tell_circuit(self._model, is_open=True)
        self._opened_at = self._clock()

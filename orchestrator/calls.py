"""How long and how often a step may call a model."""

import asyncio
from dataclasses import dataclass, field

from meshkit.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries of one call: exponential backoff with full jitter.

    Attributes:
        attempts: calls at most, the first included; 1 never retries.
        initial_backoff: seconds; the first wait is random in [0, initial_backoff].
        max_backoff: seconds; no drawn wait is longer. A wait that the model asks for is added.
        multiplier: growth of the longest possible wait from one retry to the next.
    """

    attempts: int = 4
    initial_backoff: float = 0.2
    max_backoff: float = 5.0
    multiplier: float = 2.0


@dataclass(slots=True)
class CallBudget:
    """What is left to one step on one page.

    Attributes:
        deadline: the running loop's time at which the step must have ended.
        retries: how often a call may be repeated within that time.
        is_own: False when the document's end, not the step's own limit, set the deadline; running
            out of it then says nothing about the model.
        attempts: calls made so far.
    """

    deadline: float
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    is_own: bool = True
    attempts: int = 0

    def remaining(self) -> float:
        """Seconds left. Raises DeadlineExceeded when there are none."""
        left = self.deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise DeadlineExceeded("the step's time was over before the model could be asked")
        return left

"""A document's work goes on in the trace in which it was sent."""

import contextlib
from collections.abc import Iterator

from opentelemetry import context, propagate


@contextlib.contextmanager
def in_trace(traceparent: str) -> Iterator[None]:
    """Go on in a trace; empty: in none."""
    carrier = {"traceparent": traceparent} if traceparent else {}
    token = context.attach(propagate.extract(carrier))
    try:
        yield
    finally:
        context.detach(token)

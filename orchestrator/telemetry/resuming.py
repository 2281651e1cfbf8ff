"""A document's trace over a restart, by the W3C header that is stored with it."""

import contextlib
from collections.abc import Iterator

from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_HEADER = "traceparent"
_propagator = TraceContextTextMapPropagator()


def active_traceparent() -> str:
    """The active span as W3C's `traceparent` has it; empty when there is none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_HEADER, "")


@contextlib.contextmanager
def in_trace_of(traceparent: str) -> Iterator[None]:
    """What begins in here is below the span of before. What is no `traceparent` changes nothing."""
    token = context.attach(_propagator.extract({_HEADER: traceparent}))
    try:
        yield
    finally:
        context.detach(token)

"""The span of a command's work on one document."""

import contextlib
from collections.abc import Iterator

from opentelemetry import trace

from meshkit.telemetry.vocabulary import Span, Vocabulary

ANALYZE_SPAN = Span(
    "pagemesh analyze", "INTERNAL", "One document of the command, from reading it to its result."
)
VOCABULARY = Vocabulary((ANALYZE_SPAN,), (), {})

_tracer = trace.get_tracer("pagemesh")


@contextlib.contextmanager
def analysis_span() -> Iterator[None]:
    """Around one document; the calls that it leads to belong to the same trace."""
    with _tracer.start_as_current_span(ANALYZE_SPAN.name):
        yield

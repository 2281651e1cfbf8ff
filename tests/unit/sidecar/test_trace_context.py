"""W3C trace context: the caller's trace goes on, a broken one is not believed."""

import pytest
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sidecar.trace_context import continued

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_the_callers_trace_goes_on() -> None:
    context = continued(f"00-{TRACE}-{PARENT}-01".encode(), ratio=0)
    assert (context.trace_id, context.parent_id) == (int(TRACE, 16), int(PARENT, 16))
    assert context.sampled
    carrier = {"traceparent": context.traceparent().decode()}
    told = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    assert (told.trace_id, told.span_id) == (context.trace_id, context.client_id)
    assert told.trace_flags.sampled


def test_what_the_caller_did_not_sample_stays_unsampled() -> None:
    assert not continued(f"00-{TRACE}-{PARENT}-00".encode(), ratio=1).sampled


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"nonsense",
        f"00-{'0' * 32}-{PARENT}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"ff-{TRACE}-{PARENT}-01".encode(),
        f"00-{TRACE.upper()}-{PARENT}-01".encode(),
        f"00-{TRACE}-{PARENT}-01-more".encode(),
    ],
)
def test_a_broken_context_begins_a_new_trace(header: bytes | None) -> None:
    context = continued(header, ratio=1)
    assert context.trace_id
    assert context.trace_id != int(TRACE, 16)
    assert context.parent_id == 0
    assert context.sampled


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert continued(f"01-{TRACE}-{PARENT}-01-more".encode(), 0).trace_id == int(TRACE, 16)


def test_the_ratio_is_kept() -> None:
    sampled = sum(continued(None, 0.25).sampled for _ in range(4000))
    assert 0.2 < sampled / 4000 < 0.3
    assert not continued(None, 0).sampled

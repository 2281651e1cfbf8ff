"""W3C trace context (https://www.w3.org/TR/trace-context/): what a call carries, what goes on.

Written out, since it stands in the path of every call: the SDK's propagator makes six objects where
two numbers are wanted.
"""

import random
import re
from dataclasses import dataclass

TRACEPARENT = b"traceparent"
SAMPLED = 0x01

_VALID = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_random = random.SystemRandom().getrandbits(64)
_ids = random.Random(_random)  # noqa: S311 - ids must be different, not secret


@dataclass(slots=True)
class TraceContext:
    """Where a call stands in its trace.

    Attributes:
        trace_id: 128 bits, of the whole request.
        parent_id: 64 bits, the caller's span; 0 at the beginning of a trace.
        server_id, client_id: 64 bits each, the proxy's span of the call and of its way on.
        sampled: whether the trace is recorded.
    """

    trace_id: int
    parent_id: int
    server_id: int
    client_id: int
    sampled: bool

    def traceparent(self) -> bytes:
        """What the callee is told: its parent is the proxy's client span."""
        return b"00-%032x-%016x-%02x" % (self.trace_id, self.client_id, self.sampled)


def continued(traceparent: bytes | None, ratio: float) -> TraceContext:
    """The context of a call: its caller's trace, or a new one of which `ratio` are sampled."""
    server_id, client_id = _ids.getrandbits(64) or 1, _ids.getrandbits(64) or 1
    found = _VALID.fullmatch(traceparent) if traceparent else None
    if found is not None:
        version, trace, parent, flags, rest = found.groups()
        trace_id, parent_id = int(trace, 16), int(parent, 16)
        if trace_id and parent_id and version != b"ff" and not (rest and version == b"00"):
            sampled = bool(int(flags, 16) & SAMPLED)
            return TraceContext(trace_id, parent_id, server_id, client_id, sampled)
    trace_id = _ids.getrandbits(128) or 1
    sampled = (trace_id & (2**64 - 1)) < ratio * 2**64
    return TraceContext(trace_id, 0, server_id, client_id, sampled)

"""What pages cost, told to whoever called and to the active span."""

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from opentelemetry import trace

from meshkit.batching import BatchAnswer
from meshkit.interceptors import Context
from meshkit.model import ModelIdentity
from meshkit.telemetry import names

_tracer = trace.get_tracer("meshkit")


class Cost:
    """Adds up what pages cost."""

    def __init__(self) -> None:
        self._pages = 0
        self._batch_sizes = 0
        self._queue_seconds = 0.0
        self._decode_seconds = 0.0
        self._inference_seconds = 0.0

    def add(self, batch: BatchAnswer[Any], decode_seconds: float) -> Self:
        """Count one page more."""
        self._pages += 1
        self._batch_sizes += batch.batch_size
        self._queue_seconds += batch.queue_seconds
        self._decode_seconds += decode_seconds
        self._inference_seconds += batch.inference_seconds
        return self

    def metadata(self, identity: ModelIdentity) -> list[tuple[str, str]]:
        """For the call's trailers."""
        return [
            ("pagemesh-model-name", identity.name),
            ("pagemesh-model-version", identity.version),
            ("pagemesh-pages", str(self._pages)),
            ("pagemesh-batch-size", f"{self._batch_size:g}"),
            ("pagemesh-queue-ms", f"{self._queue_seconds * 1e3:.3f}"),
            ("pagemesh-inference-ms", f"{self._inference_seconds * 1e3:.3f}"),
        ]

    def tell_span(self, identity: ModelIdentity) -> None:
        """Put it on the active span."""
        span = trace.get_current_span()
        if not span.is_recording():
            return
        span.set_attributes(
            {
                names.MODEL_NAME: identity.name,
                names.MODEL_VERSION: identity.version,
                names.DEVICE: identity.device,
                names.PAGES: self._pages,
                names.BATCH_SIZE: self._batch_size,
                names.QUEUE_TIME: self._queue_seconds,
                names.DECODE_TIME: self._decode_seconds,
                names.INFERENCE_TIME: self._inference_seconds,
            }
        )

    @property
    def _batch_size(self) -> float:
        """The mean."""
        return self._batch_sizes / max(1, self._pages)


@contextlib.contextmanager
def reported_cost(context: Context, identity: ModelIdentity) -> Iterator[Cost]:
    """A call's cost; told in its trailing metadata and on its span when it ends."""
    cost = Cost()
    try:
        yield cost
    finally:
        context.set_trailing_metadata(cost.metadata(identity))
        cost.tell_span(identity)


@contextlib.contextmanager
def page_span(page_id: str) -> Iterator[None]:
    """The span of one page among others of a call."""
    with _tracer.start_as_current_span(
        names.PAGE_SPAN.name, attributes={names.PAGE_ID: page_id}, record_exception=False
    ):
        yield

"""What a model says of itself and of a call's cost, in the call's trailing metadata."""

from dataclasses import dataclass

from sidecar.http2.headers import Headers

_MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model's word on one call; None where it gave none, or none that is a number.

    Attributes:
        name, version: the model.
        pages: pages answered.
        batch_size: mean size of their batches.
        queue_seconds, inference_seconds: sums over the pages.
    """

    name: str | None = None
    version: str | None = None
    pages: int | None = None
    batch_size: float | None = None
    queue_seconds: float | None = None
    inference_seconds: float | None = None


def read_report(trailers: Headers) -> ModelReport | None:
    """The report in a call's trailers, None when there is none."""
    found = {name[9:]: value for name, value in trailers if name.startswith(b"pagemesh-")}
    if not found:
        return None
    pages = _number(found.get(b"pages"))
    queue, inference = _number(found.get(b"queue-ms")), _number(found.get(b"inference-ms"))
    return ModelReport(
        name=_text(found.get(b"model-name")),
        version=_text(found.get(b"model-version")),
        pages=None if pages is None else int(pages),
        batch_size=_number(found.get(b"batch-size")),
        queue_seconds=None if queue is None else queue / 1e3,
        inference_seconds=None if inference is None else inference / 1e3,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("ascii", "replace")[:_MAX_TEXT]


def _number(value: bytes | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e12 else None

"""Log lines."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from meshkit.logs import configure_logging


@pytest.fixture
def lines() -> Iterator[Any]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    configure_logging("toy", "INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_one_json_object_with_the_extra_fields(lines: Any) -> None:
    logging.getLogger("a.b").info("page %s", "seven\nlines", extra={"pages": 7, "what": object})
    logging.getLogger("a.b").debug("not logged")
    (line,) = lines()
    assert line["message"] == "page seven\nlines"
    assert (line["level"], line["logger"], line["service"]) == ("INFO", "a.b", "toy")
    assert line["pages"] == 7
    assert "trace_id" not in line


def test_a_line_carries_the_active_span(lines: Any) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        logging.getLogger("a").warning("here")
    context = span.get_span_context()
    (line,) = lines()
    assert line["trace_id"] == trace.format_trace_id(context.trace_id)
    assert line["span_id"] == trace.format_span_id(context.span_id)


def test_lines_go_to_a_file_too(lines: Any, tmp_path: Path) -> None:
    configure_logging("toy", "INFO", io.StringIO(), tmp_path / "toy.log")
    logging.getLogger("a").warning("here", extra={"pages": 3})
    (line,) = [json.loads(text) for text in (tmp_path / "toy.log").read_text().splitlines()]
    assert (line["message"], line["pages"], line["service"]) == ("here", 3, "toy")
    for handler in logging.getLogger().handlers:
        handler.close()


def test_exceptions_and_warnings_are_lines_too(lines: Any) -> None:
    try:
        raise ValueError("inner")
    except ValueError:
        logging.getLogger("a").exception("failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("careful", stacklevel=1)
    failed, careful = lines()
    assert "ValueError: inner" in failed["exception"]
    assert "careful" in careful["message"]

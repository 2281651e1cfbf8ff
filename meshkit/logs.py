"""JSON lines on standard output, with the ids of the active trace.

Log a constant message and put what varies into `extra`:

    _log.info("serving", extra={"model": identity.name})
"""

import functools
import json
import logging
import sys
from datetime import UTC, datetime
from itertools import islice
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from opentelemetry import trace

_FILE_BYTES = 16 * 1024 * 1024
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_OWN = len(vars(logging.makeLogRecord({})))
"""Attributes that every record has; those of `extra` come after them."""
_WORKED_OUT = frozenset({"message", "asctime"})


class JsonFormatter(logging.Formatter):
    """One JSON object for every record: time, level, logger, message, trace ids, extra fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = trace.format_trace_id(span.trace_id)
            line["span_id"] = trace.format_span_id(span.span_id)
        extra = islice(vars(record).items(), _OWN, None)
        line |= {name: value for name, value in extra if name not in _WORKED_OUT}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


@functools.lru_cache(maxsize=2)
def _second(since_epoch: int) -> str:
    return datetime.fromtimestamp(since_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def configure_logging(
    service: str,
    level: str = "INFO",
    stream: TextIO | None = None,
    file: Path | None = None,
) -> None:
    """Send every log record and Python warning to `stream`, standard output by default.

    Args:
        service: the process's one noun.
        level: the lowest that is logged.
        stream: where lines go.
        file: where they go, too, for a collector of logs that cannot see the stream. It grows to
            16 MiB; two older ones are kept beside it.

    Raises:
        OSError: the file cannot be written.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(stream or sys.stdout)]
    if file is not None:
        handlers.append(RotatingFileHandler(file, maxBytes=_FILE_BYTES, backupCount=2))
    for handler in handlers:
        handler.setFormatter(JsonFormatter(service))
    # Lines name neither threads, processes nor lines of code: finding them out costs as much as
    # writing them (Python's "Logging HOWTO", Optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(True)

"""Keeps spans in one SQLite file that grows to a bound and forgets the oldest traces then."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshkit.errors import NotFound
from pagemesh.traces.span import DOCUMENT, REQUEST_ID, Event, KeptSpan

MAX_SPANS = 100_000
"""About 60 MB."""
_PRUNE_EVERY = 2_000
_KEEP = 0.9
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    trace_id   TEXT NOT NULL,
    span_id    TEXT NOT NULL,
    parent_id  TEXT NOT NULL,
    service    TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       INTEGER NOT NULL,
    start_ns   INTEGER NOT NULL,
    end_ns     INTEGER NOT NULL,
    is_error   INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    events     TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spans_by_start ON spans (start_ns);
CREATE TABLE IF NOT EXISTS links (
    trace_id        TEXT NOT NULL,
    span_id         TEXT NOT NULL,
    linked_trace_id TEXT NOT NULL,
    linked_span_id  TEXT NOT NULL,
    PRIMARY KEY (linked_trace_id, linked_span_id, trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_span ON links (trace_id, span_id);
CREATE TABLE IF NOT EXISTS requests (
    request_id TEXT NOT NULL,
    trace_id   TEXT NOT NULL,
    span_id    TEXT NOT NULL,
    start_ns   INTEGER NOT NULL,
    PRIMARY KEY (request_id, trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_by_start ON requests (start_ns);
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A document's way through the mesh.

    Attributes:
        request_id: the piece of work.
        document: its span.
        spans: all of its trace, and the batches of other traces that its pages were part of.
    """

    request_id: str
    document: KeptSpan
    spans: Sequence[KeptSpan]


class SpanStore:
    """The file. For use from several threads, and beside other processes that read it.

    Args:
        path: is made when it is not there.
        max_spans: kept at most, give or take a few messages.
    """

    def __init__(self, path: Path, max_spans: int = MAX_SPANS) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_spans = max_spans
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, timeout=10)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")  # telemetry: a crash may lose some
        self._database.executescript(_SCHEMA)
        self._since_pruned = _PRUNE_EVERY

    def close(self) -> None:
        """Close the file. May be repeated."""
        with self._lock:
            self._database.close()

    def add(self, spans: Iterable[KeptSpan]) -> None:
        """Keep spans; one that is there already is written over."""
        spans = list(spans)
        with self._lock, self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row(span) for span in spans],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)",
                [(s.trace_id, s.span_id, *link) for s in spans for link in s.links],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)",
                [
                    (s.attributes[REQUEST_ID], s.trace_id, s.span_id, s.start)
                    for s in spans
                    if s.name == DOCUMENT and REQUEST_ID in s.attributes
                ],
            )
            self._since_pruned += len(spans)
            if self._since_pruned >= _PRUNE_EVERY:
                self._since_pruned = 0
                self._prune()

    def count(self) -> int:
        """Spans that are kept."""
        return int(self._read("SELECT COUNT(*) FROM spans")[0][0])

    def requests(self, limit: int) -> list[KeptSpan]:
        """The document spans of the newest requests, newest first."""
        rows = self._read(
            "SELECT spans.* FROM requests JOIN spans USING (trace_id, span_id) "
            "ORDER BY requests.start_ns DESC LIMIT ?",
            limit,
        )
        return list(self._spans(rows))

    def way(self, request_id: str = "") -> Way:
        """A document's way; the newest one's without an id.

        Args:
            request_id: or the beginning of one, if no other begins so.

        Raises:
            NotFound: there are no spans of it, or several ids begin so.
        """
        name, trace_id, span_id = self._find(request_id)
        own = list(self._spans(self._read("SELECT * FROM spans WHERE trace_id = ?", trace_id)))
        linked = self._read(
            "SELECT DISTINCT spans.* FROM links JOIN spans USING (trace_id, span_id) "
            "WHERE linked_trace_id = ? AND links.trace_id != ?",
            trace_id,
            trace_id,
        )
        document = next(span for span in own if span.span_id == span_id)
        return Way(name, document, [*own, *self._spans(linked)])

    def _find(self, request_id: str) -> tuple[str, str, str]:
        """Request id, trace id and span id of the newest work of this id."""
        found = self._read(
            "SELECT request_id, trace_id, span_id FROM requests WHERE substr(request_id, 1, ?) = ? "
            "ORDER BY request_id = ? DESC, start_ns DESC",
            len(request_id),
            request_id,
            request_id,
        )
        if not found:
            what = f"of request `{request_id}`" if request_id else "of any document"
            raise NotFound(f"there are no spans {what} here", reason="TRACE_NOT_FOUND")
        name, trace_id, span_id = found[0]
        if request_id not in {"", name} and any(other != name for other, _, _ in found):
            raise NotFound(
                f"several requests begin with `{request_id}`; give more of it",
                reason="TRACE_NOT_FOUND",
            )
        return name, trace_id, span_id

    def _spans(self, rows: Iterable[Sequence[Any]]) -> Iterator[KeptSpan]:
        for row in rows:
            trace_id, span_id, *between, is_error, attributes, events = row
            found = self._read(
                "SELECT linked_trace_id, linked_span_id FROM links "
                "WHERE trace_id = ? AND span_id = ?",
                trace_id,
                span_id,
            )
            events = [Event(*event) for event in json.loads(events)]
            links = [(linked_trace, linked_span) for linked_trace, linked_span in found]
            values: Any = (*between, bool(is_error), json.loads(attributes), events, links)
            yield KeptSpan(trace_id, span_id, *values)

    def _read(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()

    def _prune(self) -> None:
        """Forget the oldest traces when there are too many spans."""
        (count,) = self._database.execute("SELECT COUNT(*) FROM spans").fetchone()
        if count <= self._max_spans:
            return
        surplus = count - int(self._max_spans * _KEEP)
        (cutoff,) = self._database.execute(
            "SELECT start_ns FROM spans ORDER BY start_ns LIMIT 1 OFFSET ?", (surplus,)
        ).fetchone()
        old = "SELECT DISTINCT trace_id FROM spans WHERE start_ns < ?"
        for table in ("links", "requests", "spans"):
            statement = f"DELETE FROM {table} WHERE trace_id IN ({old})"  # noqa: S608 - all ours
            self._database.execute(statement, (cutoff,))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[SpanStore]:
    """The store in a file that is there.

    Raises:
        NotFound: it is not.
    """
    if not path.is_file():
        raise NotFound(
            f"there are no spans in {path.parent}: start the mesh with `pagemesh up`, or name its "
            "folder with --state-dir",
            reason="TRACE_NOT_FOUND",
        )
    store = SpanStore(path)
    try:
        yield store
    finally:
        store.close()


def _row(span: KeptSpan) -> tuple[Any, ...]:
    events = [(event.name, event.time, event.attributes) for event in span.events]
    return (
        *(span.trace_id, span.span_id, span.parent_id, span.service, span.name, span.kind),
        *(span.start, span.end, span.is_error),
        json.dumps(span.attributes),
        json.dumps(events),
    )

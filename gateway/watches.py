"""Documents that clients watch: each is looked at once, however many watch it."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from gateway.bells import Bell, Bells
from gateway.records import PageNews
from gateway.resources import json_of, page_event_of, resource_of
from gateway.stores import Store
from meshkit.errors import PagemeshError

LAST = "end"
"""Id of the last event: who has seen it needs no other."""
NEWS_AT_ONCE = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """What was seen of a document, as server-sent events that all who watch it share.

    Attributes:
        after: sequence of the last page before those that are news.
        sequence: of the last page of all.
        pages: an event for each page that is news.
        document: the event that tells how the document is; empty while more pages are to be told.
        shown: what it says, by which it is known for the same.
        is_last: whether that was its end.
    """

    after: int
    sequence: int
    pages: bytes
    document: bytes
    shown: bytes
    is_last: bool


class Watch:
    """Looks at a document when its bell rings, and now and then, for all who watch it.

    Attributes:
        moment: what was seen last; None until something was.
        bell: rings when there is another moment. It is over when there will be none: after the
            document's end, when the document is gone, and when it cannot be seen.
        watchers: how many watch.
        looking: runs it.
    """

    def __init__(self, store: Store, work_id: str, document_id: str, sequence: int) -> None:
        self.moment: Moment | None = None
        self.bell = Bell()
        self.watchers = 0
        self.looking: asyncio.Task[None] | None = None
        self._store = store
        self._work_id = work_id
        self._id = document_id
        self._sequence = sequence

    @property
    def is_lost(self) -> bool:
        """Whether it is over before the document's end."""
        return self.bell.is_over and (self.moment is None or not self.moment.is_last)

    async def run(self, changes: Bell, poll_seconds: float) -> None:
        """Look on, until there is nothing more to be seen.

        Args:
            changes: rings when the document has changed.
            poll_seconds: it is looked at this often in any case.
        """
        try:
            while not changes.is_over:
                rung = changes.rung  # before looking: what happens meanwhile is seen next time
                moment = await self._look()
                if moment is None:
                    return
                self._tell(moment)
                if moment.is_last:
                    return
                if moment.document:
                    await changes.wait(rung, poll_seconds)
        except PagemeshError:
            pass  # clients come again, and are told what is wrong
        except Exception:
            _log.exception("a document cannot be watched", extra={"document": self._work_id})
        finally:
            self.bell.is_over = True
            self.bell.ring()

    async def _look(self) -> Moment | None:
        record = await self._store.record(self._work_id)
        if record is None:
            return None
        after = self._sequence
        news = await self._store.news(self._work_id, after, NEWS_AT_ONCE)
        if news:
            self._sequence = news[-1].sequence
        if len(news) == NEWS_AT_ONCE:  # there may be more, which come before its state
            return Moment(after, self._sequence, events_of(self._id, news), b"", b"", False)
        is_last, shown = record.status.is_final, json_of(resource_of(record))
        name, event_id = ("done", LAST) if is_last else ("status", str(self._sequence))
        document = _event(name, shown, event_id)
        return Moment(after, self._sequence, events_of(self._id, news), document, shown, is_last)

    def _tell(self, moment: Moment) -> None:
        seen = self.moment
        if seen is None or moment.pages or moment.shown != seen.shown:
            self.moment = moment
            self.bell.ring()


class Watches:
    """The watches of a gateway.

    Args:
        store: where documents are seen.
        bells: that ring when one has changed.
        poll_seconds: where another gateway may have changed it, it is found as late as this.
    """

    def __init__(self, store: Store, bells: Bells, poll_seconds: float) -> None:
        self._store = store
        self._bells = bells
        self._poll_seconds = poll_seconds
        self._watches: dict[str, Watch] = {}

    @contextlib.contextmanager
    def watching(self, work_id: str, document_id: str, sequence: int) -> Iterator[Watch]:
        """The watch of a document, for as long as somebody is in here.

        Args:
            work_id, document_id: name it in the store and for its client.
            sequence: of the last page that is known; a new watch begins after it.
        """
        watch = self._watches.get(work_id)
        if watch is None or watch.is_lost:
            watch = self._watches[work_id] = Watch(self._store, work_id, document_id, sequence)
            watch.looking = asyncio.create_task(self._run(work_id, watch))
        watch.watchers += 1
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                if watch.looking is not None:
                    watch.looking.cancel()
                if self._watches.get(work_id) is watch:
                    del self._watches[work_id]

    async def _run(self, work_id: str, watch: Watch) -> None:
        with self._bells.listening(work_id) as changes:
            await watch.run(changes, self._poll_seconds)


def events_of(document_id: str, news: Sequence[PageNews]) -> bytes:
    """An event for each page."""
    return b"".join(
        _event("page", json_of(page_event_of(document_id, each)), str(each.sequence))
        for each in news
    )


def _event(name: str, content: bytes, event_id: str) -> bytes:
    return format_sse_event(event=name, data_str=content.decode(), id=event_id)

"""Owes webhooks, and delivers them: at least once, however often this process is killed."""

import asyncio
import contextlib
import hashlib
import logging
import random
import time
from collections.abc import Sequence

from gateway.config import GatewayConfig
from gateway.records import Record
from gateway.resources import compact, json_of, resource_of
from gateway.stores import Store
from gateway.webhooks.outbox import Entry, Outbox, State, open_outbox
from gateway.webhooks.signatures import Signer, own_master
from gateway.webhooks.targets import Answer, Post, Targets
from meshkit.errors import PagemeshError

_AT_ONCE = 8
_LONGEST_PAUSE_SECONDS = 3600.0
_LOOK_SECONDS = 60.0
"""How often is looked for documents whose end was written down by a gateway that died just then."""
_PAUSE_SECONDS = 5.0
"""Longest pause before another gateway's webhooks are looked for."""
_SPARE_SECONDS = 30.0
"""A claim lasts so much longer than an attempt may take."""
_LOOKED_AT_ONCE = 200
_ORPHAN_SECONDS = 3600.0
_IDLE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Webhooks:
    """What documents' ends are told by.

    Args:
        outbox: what is owed.
        store: of the documents.
        signer: signs for clients.
        targets: where webhooks may go.
        config: how long and how often it is tried.
    """

    def __init__(
        self, outbox: Outbox, store: Store, signer: Signer, targets: Targets, config: GatewayConfig
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._targets = targets
        self._config = config
        self._post = Post(targets, config.webhook_timeout_seconds)
        self._ended: list[str] = []
        self._news = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._work: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        self.signer = signer

    async def start(self) -> None:
        """Open the outbox and go on with what is owed."""
        await self._outbox.open()
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what is owed is delivered by the next process. May be repeated."""
        cut_off = list(self._running)
        tasks = [task for task in (self._work, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._work = None
        with contextlib.suppress(PagemeshError):  # then the claims end by themselves
            for work_id in cut_off:
                await self._outbox.release(work_id)
        await self._post.close()
        await self._outbox.close()

    def check(self, target: str) -> None:
        """Raises Forbidden when no webhook may go there."""
        self._targets.check(target)

    async def expect(self, record: Record) -> bool:
        """Owe a document's webhook from now on. False: there is none, or it was owed before.

        Raises DependencyUnavailable.
        """
        return bool(record.asked.webhook) and await self._outbox.add(
            record.work_id, record.client, record.id
        )

    async def forget(self, record: Record) -> None:
        """Owe it no more. Raises DependencyUnavailable."""
        await self._outbox.remove(record.work_id)

    async def erase(self, record: Record) -> None:
        """Owe it no more, and keep nothing of it. Raises DependencyUnavailable."""
        await self._outbox.erase(record.work_id)

    def ended(self, record: Record) -> None:
        """A document is at its end. What is not told here is found later."""
        if record.asked.webhook:
            self._ended.append(record.work_id)
            self._news.set()

    async def find(self, record: Record) -> Entry | None:
        """How far a document's webhook is. Raises DependencyUnavailable."""
        return await self._outbox.find(record.work_id)

    async def listed(self, client_id: str, state: State, after: str, limit: int) -> Sequence[Entry]:
        """A client's webhooks by document, beyond `after`. Raises DependencyUnavailable."""
        return await self._outbox.listed(client_id, state, after, limit)

    async def again(self, entry: Entry) -> Entry:
        """Send a webhook that was delivered or given up again. Raises DependencyUnavailable."""
        if entry.state in {State.DELIVERED, State.DEAD}:
            entry = entry._replace(state=State.DUE, attempts=0, due=time.time())
            await self._outbox.settle(entry)
            self._news.set()
        return entry

    async def _run(self) -> None:
        while True:
            self._news.clear()
            pause = _IDLE_SECONDS
            try:
                await self._take_ended()
                pause = await self._begin_due()
            except PagemeshError as error:
                _log.warning("webhooks wait", extra={"cause": error.message})
            except Exception:
                _log.exception("webhooks wait")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    async def _take_ended(self) -> None:
        while self._ended:
            await self._outbox.ended(self._ended[0])
            del self._ended[0]
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        await self._outbox.sweep(time.time() - self._config.retention_seconds)
        after = ""
        while entries := await self._outbox.expected(after, _LOOKED_AT_ONCE):
            for entry in entries:
                await self._look_at(entry)
            after = entries[-1].work_id

    async def _look_at(self, entry: Entry) -> None:
        record = await self._store.record(entry.work_id)
        if record is None:
            # Its request may have been cut off, or it is about to come to the store.
            if time.time() - entry.since > _ORPHAN_SECONDS:
                await self._outbox.remove(entry.work_id)
        elif record.status.is_final:
            await self._outbox.ended(entry.work_id)

    async def _begin_due(self) -> float:
        """Begin what is due; seconds until there may be more to do."""
        room = _AT_ONCE - len(self._running)
        if room:
            seconds = self._config.webhook_timeout_seconds + _SPARE_SECONDS
            for entry in await self._outbox.claim(room, seconds):
                self._running[entry.work_id] = asyncio.create_task(self._deliver(entry))
        if len(self._running) == _AT_ONCE:
            return _PAUSE_SECONDS  # or until one of them is done
        due = await self._outbox.next_due()
        return _PAUSE_SECONDS if due is None else min(_PAUSE_SECONDS, max(0, due - time.time()))

    async def _deliver(self, entry: Entry) -> None:
        try:
            record = await self._store.record(entry.work_id)
            if record is None or not record.asked.webhook:
                await self._outbox.remove(entry.work_id)
                return
            body = body_of(record)
            headers = self.signer.headers(record.client, message_id(record), int(time.time()), body)
            answer = await self._post.attempt(record.asked.webhook, headers, body)
            await self._outbox.settle(self._settled(entry, answer))
        except PagemeshError as error:
            _log.warning(
                "a webhook waits", extra={"document": entry.work_id, "cause": error.message}
            )
            await self._give_back(entry)
        except Exception:
            _log.exception("a webhook waits", extra={"document": entry.work_id})
            await self._give_back(entry)
        finally:
            del self._running[entry.work_id]
            self._news.set()

    async def _give_back(self, entry: Entry) -> None:
        await asyncio.sleep(_IDLE_SECONDS)
        with contextlib.suppress(PagemeshError):  # then the claim ends by itself
            await self._outbox.release(entry.work_id)

    def _settled(self, entry: Entry, answer: Answer) -> Entry:
        told = {"document": entry.work_id, "attempts": entry.attempts + 1}
        entry = entry._replace(attempts=entry.attempts + 1, error=answer.error)
        if not answer.error:
            _log.info("a webhook was delivered", extra=told)
            return entry._replace(state=State.DELIVERED)
        if answer.is_final or entry.attempts >= self._config.webhook_attempts:
            _log.error("a webhook is a dead letter", extra=told | {"cause": answer.error})
            return entry._replace(state=State.DEAD)
        pause = max(self._pause_after(entry.attempts), answer.retry_after)
        _log.warning(
            "a webhook is tried again", extra=told | {"cause": answer.error, "seconds": pause}
        )
        return entry._replace(due=time.time() + pause)

    def _pause_after(self, attempts: int) -> float:
        """Twice as long after each attempt, and never at the same time as others'."""
        longest: float = self._config.webhook_pause_seconds * 2 ** min(attempts - 1, 30)
        return min(longest, _LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.0)  # noqa: S311 - chance, not a secret


def body_of(record: Record) -> bytes:
    """What a receiver is told: the document without its result."""
    moment = compact(record.updated_at.isoformat())
    document = json_of(resource_of(record))
    return b'{"type":"document.ended","timestamp":' + moment + b',"data":' + document + b"}"


def message_id(record: Record) -> str:
    """Names the message, the same in each attempt: receivers that know it need not act again."""
    return f"msg_{hashlib.sha256(record.work_id.encode()).hexdigest()[:32]}"


def open_webhooks(config: GatewayConfig, store: Store) -> Webhooks:
    """Those that the configuration names; `start` them."""
    masters = [secret.get_secret_value() for secret in config.webhook_secrets]
    signer = Signer(masters or [own_master(config.state_dir / "webhook.secret")])
    targets = Targets(config.webhook_hosts, config.webhook_networks, config.webhook_allow_http)
    return Webhooks(open_outbox(config), store, signer, targets, config)

"""From a record's bytes to an order: read, checked, and ours to answer."""

import time
from dataclasses import dataclass
from typing import Any

from meshkit.errors import Conflict, Forbidden, InvalidInput, TooLarge
from orchestrator.documents.spool import Spool
from orchestrator.order import Order
from orchestrator.orders import OrderDesk, check_request_id, fingerprint
from orchestrator.records import Keeper
from orchestrator.sources.claims import Claim, Claims
from orchestrator.sources.config import KafkaSettings
from orchestrator.sources.letters import Incoming, Record
from orchestrator.sources.records import Records
from pagemesh.kafka.client import REPLAY_HEADER
from pagemesh.kafka.codec import Codec
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec
from pagemesh.priorities import priority_of

_SPEC_FIELDS = ("request_id", "location", "pipeline", "options", "pages", "dpi", "sha256")


@dataclass
class Case:
    """What is known of a record while it is worked on.

    Attributes:
        stage: where it is now; the last one tells where it failed.
        request: what it says, once it is read.
        page: the page that failed last.
        is_incomplete: whether its document ended for a reason that may pass.
    """

    incoming: Incoming
    stage: str = "decode"
    request: Record | None = None
    page: int = 0
    attempts: int = 0
    is_incomplete: bool = False

    @property
    def is_replay(self) -> bool:
        """Whether it was given up before, and is sent again by an operator."""
        return any(name == REPLAY_HEADER for name, _ in self.incoming.headers)


class Intake:
    """Takes requests in.

    Args:
        settings: of the operator.
        desk: the orchestrator's.
        claims: who owns a request id.
        codec: reads records.
    """

    def __init__(
        self, settings: KafkaSettings, desk: OrderDesk, claims: Claims, codec: Codec
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._claims = claims
        self._records = Records(codec)

    async def decode(self, case: Case) -> Record:
        """What a record says. Raises TooLarge, InvalidInput, DependencyUnavailable."""
        case.stage = "decode"
        value = case.incoming.value or b""
        if len(value) > self._settings.kafka_max_request_bytes:
            raise TooLarge(
                f"the request has {len(value):,} bytes; at most "
                f"{self._settings.kafka_max_request_bytes:,} are read",
                reason="REQUEST_TOO_LARGE",
            )
        case.request = await self._records.decode("request", value)
        return case.request

    async def check(self, case: Case, request: Record) -> DocumentSpec | None:
        """What is asked for; None when another record answers this request id.

        Raises:
            PagemeshError: it cannot be asked for, or the id is another request's.
            OSError, sqlite3.Error: the claims cannot be had now.
        """
        case.stage = "check"
        check_request_id(request["request_id"])
        spec = _spec(request)
        # First of all: what is refused is refused once, too.
        if not await self._owns(case, spec):
            return None
        topic = request["reply_topic"]
        if topic is not None and topic not in self._settings.kafka_reply_topics:
            raise Forbidden(
                f"reply_topic: `{topic}` is none of the topics that the operator allows",
                reason="REPLY_TOPIC_NOT_ALLOWED",
                metadata={"field": "reply_topic"},
            )
        self._desk.check(spec, has_content=False)
        return spec

    def order(self, case: Case, request: Record, spec: DocumentSpec, spool: Spool) -> Order:
        """A checked request as an order. Raises NotFound: its pipeline is gone."""
        deadline = request["deadline"]
        return self._desk.order(
            spec,
            spool,
            time_remaining=None if deadline is None else deadline.timestamp() - time.time(),
            client=request["client"],
            keeper=Keeper.SOURCE,
            retries=case.is_incomplete or case.is_replay,
        )

    async def _owns(self, case: Case, spec: DocumentSpec) -> bool:
        """Whether this record is the one that answers its request id. Raises Conflict."""
        mine = Claim(case.incoming.place, fingerprint(spec, spec.pipeline, ""))
        owner = await self._claims.claim(spec.request_id, mine, takes_over=case.is_replay)
        if owner.fingerprint != mine.fingerprint:
            raise Conflict(
                f"request_id: `{spec.request_id}` belongs to another request; use a new id",
                metadata={"field": "request_id", "owner": owner.owner},
            )
        return owner == mine


def _spec(request: Record) -> DocumentSpec:
    fields: dict[str, Any] = {name: request[name] for name in _SPEC_FIELDS}
    if not 0 <= fields["dpi"] <= 100_000:
        fields["dpi"] = 100_000  # refused by the check, with its own words
    try:
        fields["priority"] = priority_of(request["priority"])
    except InvalidInput:
        fields["priority"] = -1  # refused by the check, too
    return DocumentSpec(password=request["password"] or "", **fields)

"""From a request's specification to a validated order."""

import asyncio
import hashlib
import re
import uuid
from pathlib import PurePosixPath

from google.protobuf.duration_pb2 import Duration

from meshkit.errors import InvalidInput
from meshkit.locations import public_location
from orchestrator.catalog import PipelineCatalog
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.source import Spool
from orchestrator.order import Order
from orchestrator.page_selection import PageSelection
from orchestrator.records import Keeper
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import (
    PRIORITY_BULK,
    PRIORITY_INTERACTIVE,
    PRIORITY_NORMAL,
    PRIORITY_UNSPECIFIED,
    DocumentSpec,
)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_LONGEST_NAME = 255
_PRIORITY = {
    PRIORITY_INTERACTIVE: 0,
    PRIORITY_NORMAL: 1,
    PRIORITY_UNSPECIFIED: 1,
    PRIORITY_BULK: 2,
}
_LONGEST_TIMEOUT = 7 * 24 * 3600.0


class OrderDesk:
    """Checks specifications before any byte of a document is taken."""

    def __init__(self, catalog: PipelineCatalog, limits: DocumentLimits) -> None:
        self._catalog = catalog
        self._limits = limits

    def check(self, spec: DocumentSpec, *, has_content: bool | None = None) -> None:
        """Raises InvalidInput or NotFound for what can be told without the bytes.

        Args:
            spec: the specification.
            has_content: whether bytes came along; None when they are still to come.
        """
        if spec.request_id:
            check_request_id(spec.request_id)
        if spec.location and has_content:
            raise _bad("location", "send either a location or the document's bytes, not both")
        if not spec.location and has_content is False:
            raise _bad("content", "send the document's bytes, or a location")
        if spec.dpi > self._limits.max_dpi:
            raise _bad("dpi", f"{spec.dpi} is more than {self._limits.max_dpi}")
        if spec.HasField("timeout"):
            seconds = _seconds(spec.timeout)
            if not 0 < seconds <= _LONGEST_TIMEOUT:
                raise _bad("timeout", f"{seconds:g} s is not between 0 and 7 days")
        if spec.sha256 and not _SHA256.fullmatch(spec.sha256):
            raise _bad("sha256", "64 hexadecimal digits are expected")
        if spec.priority not in _PRIORITY:
            raise _bad("priority", "interactive, normal or bulk is expected")
        PageSelection(spec.pages)
        self._catalog.get(spec.pipeline).options_for(spec.options)

    def order(
        self,
        spec: DocumentSpec,
        spool: Spool,
        *,
        time_remaining: float | None = None,
        client: str = "",
        keeper: Keeper = Keeper.CALLER,
        retries: bool = False,
        request_id: str = "",
        source: str = "",
    ) -> Order:
        """A checked specification as an order.

        Args:
            spec: checked by `check`.
            spool: the bytes, or empty when there is a location.
            time_remaining: seconds until the client gives up; None when it does not.
            client: who pays for it.
            keeper, retries: see `Order`.
            request_id, source: of a document that is gone on with.
        """
        pipeline = self._catalog.get(spec.pipeline)
        loop = asyncio.get_running_loop()
        has_timeout = spec.HasField("timeout")
        return Order(
            request_id=request_id or spec.request_id or uuid.uuid4().hex,
            fingerprint=fingerprint(spec, pipeline.name, "" if spec.location else spool.sha256),
            spec=spec,
            source=source or _source(spec),
            location=spec.location,
            spool=spool,
            sha256=spec.sha256.lower(),
            password=spec.password or None,
            dpi=spec.dpi,
            selection=PageSelection(spec.pages),
            pipeline=pipeline,
            options=pipeline.options_for(spec.options),
            seconds=_seconds(spec.timeout) if has_timeout else pipeline.deadline,
            call_deadline=None if time_remaining is None else loop.time() + time_remaining,
            client=client,
            priority=_PRIORITY[spec.priority],
            keeper=keeper,
            retries=retries,
        )


def check_request_id(request_id: str) -> None:
    """Raises InvalidInput."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise _bad("request_id", "1 to 128 letters, digits, `-`, `_`, `.` or `:` are expected")


def fingerprint(spec: DocumentSpec, pipeline: str, sha256: str) -> str:
    """A digest of all that a request asks for, but for its id, its file's name, its priority."""
    asked = DocumentSpec()
    asked.CopyFrom(spec)
    asked.ClearField("request_id")
    asked.ClearField("filename")
    asked.ClearField("priority")
    asked.pipeline = pipeline
    content = asked.SerializeToString(deterministic=True) + sha256.encode()
    return hashlib.sha256(content).hexdigest()


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _source(spec: DocumentSpec) -> str:
    return public_location(spec.location) if spec.location else _file_name(spec.filename)


def _file_name(name: str) -> str:
    """A client's file name, harmless to show."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME]


def _bad(field: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{field}: {problem}", metadata={"field": field})

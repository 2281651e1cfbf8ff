"""A validated request for a document to be read."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.documents.spool import Spool
from orchestrator.page_selection import PageSelection
from orchestrator.pipeline import Pipeline
from orchestrator.records import Keeper
from orchestrator.stages.base import StageConfig
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec


@dataclass(frozen=True)
class Order:
    """A validated request for a document to be read.

    Attributes:
        request_id: names the piece of work.
        fingerprint: digest of everything that the request asks for.
        spec: the request itself.
        source: the document's public name.
        location: where to fetch it; empty when `spool` holds its bytes.
        spool: the bytes, uploaded, or fetched when the work begins.
        sha256: what the bytes' digest must be, lower-case hexadecimal; empty: anything.
        password, dpi, selection: how to open it.
        pipeline: the pipeline at the version of now.
        options: of every step.
        seconds: time for the whole document, from when its pages are begun.
        call_deadline: the loop's time at which the client gives up; None when it does not.
        client: who pays for it; empty when nobody said.
        priority: among the client's documents; lower ones are read first.
        retries: whether pages that failed for a passing reason are read again, and a document that
            could not be opened or fetched is tried again.
        keeper: who sees to it that the work is finished after a restart.
        resources: closes the spool; the work takes it over.
    """

    request_id: str
    fingerprint: str
    spec: DocumentSpec
    source: str
    location: str
    spool: Spool
    sha256: str
    password: str | None
    dpi: int
    selection: PageSelection
    pipeline: Pipeline
    options: Mapping[str, StageConfig]
    seconds: float
    call_deadline: float | None = None
    client: str = ""
    priority: int = 0
    retries: bool = False
    keeper: Keeper = Keeper.CALLER
    resources: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

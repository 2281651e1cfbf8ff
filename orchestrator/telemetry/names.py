"""Spans, attributes and metrics of the orchestrator, beside those of every process."""

from meshkit.telemetry import names as common
from meshkit.telemetry.vocabulary import SECONDS, Metric, Span, Vocabulary

REQUEST_ID = "pagemesh.request_id"
CLIENT = "pagemesh.client"
PIPELINE = "pagemesh.pipeline.name"
PIPELINE_VERSION = "pagemesh.pipeline.version"
MEDIA_TYPE = "pagemesh.document.media_type"
STATE = "pagemesh.document.state"
PAGES_TOTAL = "pagemesh.document.pages.total"
PAGES_OK = "pagemesh.document.pages.ok"
PAGES_FAILED = "pagemesh.document.pages.failed"
PAGES_SKIPPED = "pagemesh.document.pages.skipped"
PAGE_NUMBER = "pagemesh.page.number"
PAGE_OUTCOME = "pagemesh.page.outcome"
PAGE_WIDTH = "pagemesh.page.width"
PAGE_HEIGHT = "pagemesh.page.height"
PAGE_WAIT = "pagemesh.page.wait.duration"
STEP = "pagemesh.step.name"
STAGE = "pagemesh.step.stage"
STEP_OUTCOME = "pagemesh.step.outcome"
STEP_REASON = "pagemesh.step.reason"
ATTEMPTS = "pagemesh.step.attempts"
COST = "pagemesh.cost.{device}"

SKIPPED_EVENT = "pagemesh.step.skipped"

ATTRIBUTES = {
    REQUEST_ID: "the client's id for the piece of work",
    CLIENT: "for whom the document is read: the client of a token that a proxy has checked, else "
    "what the call's `pagemesh-caller` metadata says; empty when it says nothing, `_OTHER` in "
    "metrics beyond 64 names",
    PIPELINE: "the pipeline; `_OTHER` in metrics beyond 256 names",
    PIPELINE_VERSION: "its version",
    MEDIA_TYPE: "what the document's bytes are",
    STATE: "`SUCCEEDED`, `PARTIAL`, `FAILED`, `CANCELLED`",
    PAGES_TOTAL: "pages of the document",
    PAGES_OK: "pages read to the end",
    PAGES_FAILED: "pages given up",
    PAGES_SKIPPED: "pages left out on purpose",
    PAGE_NUMBER: "of the page in its document, from 1",
    PAGE_OUTCOME: "`OK`, `FAILED`, `SKIPPED`",
    PAGE_WIDTH: "pixels of the page as rasterised",
    PAGE_HEIGHT: "pixels of the page as rasterised",
    PAGE_WAIT: "seconds until there was room in memory for the page",
    STEP: "the step, as its pipeline names it",
    STAGE: "what the step does: the name of its stage",
    STEP_OUTCOME: "`OK`, `FAILED`",
    STEP_REASON: "why the step was skipped",
    ATTEMPTS: "calls that the step made to its model, repeated ones included",
    COST: "seconds of inference on that device, of a page or of the whole document",
}

_COST = (
    *(common.MODEL_NAME, common.MODEL_VERSION, common.DEVICE, common.BATCH_SIZE),
    *(common.QUEUE_TIME, common.DECODE_TIME, common.INFERENCE_TIME),
)
_SUMS = (common.QUEUE_TIME, common.DECODE_TIME, common.INFERENCE_TIME, COST)

DOCUMENT_SPAN = Span(
    "document",
    "INTERNAL",
    "A document, from when it is taken to its end. A call that joins work that is there already "
    "has a link to it.",
    (
        *(REQUEST_ID, CLIENT, PIPELINE, PIPELINE_VERSION, MEDIA_TYPE, STATE),
        *(PAGES_TOTAL, PAGES_OK, PAGES_FAILED, PAGES_SKIPPED, common.ERROR, *_SUMS),
    ),
)
QUEUE_SPAN = Span("wait", "INTERNAL", "A document's wait for its turn.")
FETCH_SPAN = Span("fetch", "INTERNAL", "Bytes fetched from the document's location.")
OPEN_SPAN = Span("open", "INTERNAL", "The document opened and its pages counted.", (MEDIA_TYPE,))
PAGE_SPAN = Span(
    "page",
    "INTERNAL",
    f"A page of a document. Its events `{SKIPPED_EVENT}` tell steps that were not needed.",
    (
        *(REQUEST_ID, CLIENT, PIPELINE, PAGE_NUMBER, PAGE_OUTCOME, PAGE_WIDTH, PAGE_HEIGHT),
        *(PAGE_WAIT, common.ERROR, *_SUMS),
    ),
)
RASTERISE_SPAN = Span("rasterise", "INTERNAL", "The page's pixels made by a worker process.")
STEP_SPAN = Span(
    "step {pagemesh.step.name}",
    "INTERNAL",
    "A step of the pipeline on a page, retries included.",
    (STEP, STAGE, STEP_OUTCOME, ATTEMPTS, common.ERROR, *_COST),
)

_OWNER = (PIPELINE, CLIENT)

DOCUMENTS = Metric(
    "pagemesh.documents", "counter", "{document}", "Documents that ended.", (*_OWNER, STATE)
)
DOCUMENT_DURATION = Metric(
    "pagemesh.document.duration",
    "histogram",
    "s",
    "A document from when it was taken to its end.",
    (PIPELINE, STATE),
    SECONDS,
)
DOCUMENTS_ACTIVE = Metric(
    "pagemesh.document.active", "updowncounter", "{document}", "Documents at work or waiting."
)
DOCUMENT_PAGES = Metric(
    "pagemesh.document.pages", "counter", "{page}", "Pages that ended.", (*_OWNER, PAGE_OUTCOME)
)
PAGE_DURATION = Metric(
    "pagemesh.page.duration",
    "histogram",
    "s",
    "A page, its wait for room in memory included.",
    (PIPELINE, PAGE_OUTCOME),
    SECONDS,
)
PAGES_ACTIVE_SIZE = Metric(
    "pagemesh.page.active.size",
    "updowncounter",
    "By",
    "Pixels of all pages in work, as the budget of pages in flight counts them.",
)
STEP_DURATION = Metric(
    "pagemesh.step.duration",
    "histogram",
    "s",
    "A step on a page, retries included.",
    (PIPELINE, STEP, STEP_OUTCOME),
    SECONDS,
)
COST_INFERENCE = Metric(
    "pagemesh.cost.inference",
    "counter",
    "s",
    "Inference paid for pages, each its share of its batch.",
    (*_OWNER, common.MODEL_NAME, common.DEVICE),
)
COST_QUEUE = Metric(
    "pagemesh.cost.queue",
    "counter",
    "s",
    "Pages' waits for a place in a batch.",
    (*_OWNER, common.MODEL_NAME, common.DEVICE),
)
CIRCUITS = Metric(
    "pagemesh.circuit.open",
    "updowncounter",
    "{circuit}",
    "1 while a model is not asked because it failed too often.",
    (common.MODEL_NAME,),
)

VOCABULARY = Vocabulary(
    (DOCUMENT_SPAN, QUEUE_SPAN, FETCH_SPAN, OPEN_SPAN, PAGE_SPAN, RASTERISE_SPAN, STEP_SPAN),
    (
        *(DOCUMENTS, DOCUMENT_DURATION, DOCUMENTS_ACTIVE, DOCUMENT_PAGES, PAGE_DURATION),
        *(PAGES_ACTIVE_SIZE, STEP_DURATION, COST_INFERENCE, COST_QUEUE, CIRCUITS),
    ),
    {**common.ATTRIBUTES, **ATTRIBUTES},
)

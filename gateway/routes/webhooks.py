"""A document's webhook, and what a receiver checks signatures with."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from gateway.identity import Caller
from gateway.resources import DOCUMENTS, json_of
from gateway.routes.parts import DocumentId, TheDocuments, problems
from gateway.webhooks import Webhooks
from gateway.webhooks.outbox import Entry, State
from meshkit.errors import NotFound

router = APIRouter(tags=["webhooks"])

_JSON = "application/json"


class WebhookResource(BaseModel):
    """How far a document's webhook is."""

    state: State = Field(
        description="`expected` until the document is at its end, `due` until it is `delivered`, "
        "or `dead` when it was given up."
    )
    attempts: int = Field(description="That were made.")
    last_error: str | None = Field(description="Why the last one failed: `HTTP_500`, `TIMEOUT`.")
    next_attempt_at: AwareDatetime | None = Field(description="Not before then.")


class SecretResource(BaseModel):
    """A client's secret."""

    secret: str = Field(
        description="For any library of Standard Webhooks: checks `webhook-signature`."
    )


def _webhooks(request: Request) -> Webhooks:
    webhooks: Webhooks = request.app.state.webhooks
    return webhooks


TheWebhooks = Annotated[Webhooks, Depends(_webhooks)]


@router.get(
    f"{DOCUMENTS}/{{id}}/webhook",
    summary="Look after a webhook",
    response_model=WebhookResource,
    responses=problems(404),
)
async def find(
    client: Caller, documents: TheDocuments, webhooks: TheWebhooks, document_id: DocumentId
) -> Response:
    """Whether a document's webhook was delivered."""
    record = await documents.record(client, document_id)
    entry = await webhooks.find(record)
    if entry is None:
        raise _none(document_id)
    return Response(_shown(entry), media_type=_JSON)


@router.post(
    f"{DOCUMENTS}/{{id}}/webhook",
    status_code=202,
    summary="Send a webhook again",
    response_model=WebhookResource,
    responses=problems(404),
)
async def again(
    client: Caller, documents: TheDocuments, webhooks: TheWebhooks, document_id: DocumentId
) -> Response:
    """Send a document's webhook again after it was delivered or given up."""
    record = await documents.record(client, document_id)
    entry = await webhooks.find(record)
    if entry is None:
        raise _none(document_id)
    return Response(_shown(await webhooks.again(entry)), 202, media_type=_JSON)


@router.get(
    "/v1/webhook-secret",
    summary="Get the signing secret",
    response_model=SecretResource,
    responses=problems(),
)
async def secret(client: Caller, webhooks: TheWebhooks) -> Response:
    """The client's own secret, by which its receiver knows that a webhook is the gateway's."""
    shown = SecretResource(secret=webhooks.signer.secret_of(client.id))
    return Response(json_of(shown), headers={"Cache-Control": "no-store"}, media_type=_JSON)


def _shown(entry: Entry) -> bytes:
    is_due = entry.state is State.DUE
    moment = datetime.fromtimestamp(entry.due, UTC) if is_due and entry.due else None
    return (
        WebhookResource(
            state=entry.state,
            attempts=entry.attempts,
            last_error=entry.error or None,
            next_attempt_at=moment,
        )
        .model_dump_json()
        .encode()
    )


def _none(document_id: str) -> NotFound:
    return NotFound(f"{document_id[:200]} has no webhook", reason="WEBHOOK_NOT_FOUND")

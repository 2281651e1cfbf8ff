"""A document's webhook, and what a receiver checks signatures with."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
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


class OwedWebhook(WebhookResource):
    """A document's webhook, in a list."""

    document_id: str = Field(description="Sent again by a POST to this document's `/webhook`.")


class WebhookList(BaseModel):
    """A part of a client's webhooks, by document."""

    webhooks: list[OwedWebhook]
    next_cursor: str | None = Field(description="Asks for the following ones; null at the end.")


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
    responses=problems(404, 422),
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
    responses=problems(404, 422),
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
    "/v1/webhooks",
    summary="List webhooks",
    response_model=WebhookList,
    responses=problems(422),
)
async def listing(
    client: Caller,
    webhooks: TheWebhooks,
    state: Annotated[State, Query(description="How far they are.")] = State.DEAD,
    cursor: Annotated[
        str, Query(max_length=128, description="`next_cursor` of the answer before.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Webhooks at most.")] = 20,
) -> Response:
    """Webhooks that are so far: dead letters, unless another state is asked for."""
    entries = await webhooks.listed(client.id, state, cursor, limit + 1)
    shown = WebhookList(
        webhooks=[
            OwedWebhook(document_id=entry.document, **_told(entry)) for entry in entries[:limit]
        ],
        next_cursor=entries[limit - 1].document if len(entries) > limit else None,
    )
    return Response(shown.model_dump_json(), media_type=_JSON)


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
    return WebhookResource(**_told(entry)).model_dump_json().encode()


def _told(entry: Entry) -> dict[str, Any]:
    is_due = entry.state is State.DUE
    return {
        "state": entry.state,
        "attempts": entry.attempts,
        "last_error": entry.error or None,
        "next_attempt_at": datetime.fromtimestamp(entry.due, UTC) if is_due and entry.due else None,
    }


def _none(document_id: str) -> NotFound:
    return NotFound(f"{document_id[:200]} has no webhook", reason="WEBHOOK_NOT_FOUND")

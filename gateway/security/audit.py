"""Who did what, when, from where, and whether it was let: a line of the log for each request.

Neither credentials nor what documents say are in it.
"""

import logging
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("pagemesh.audit")

_FIRST = "/v1/"
_ID = "id"


class AuditLog:
    """Middleware that writes the line once it is known what the answer is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(_FIRST):
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _log.info("request", extra=_line(scope, message))
            await send(message)

        await self._app(scope, receive, told)


def note_corrections(request: Request, document_id: str, places: Iterable[tuple[int, int]]) -> None:
    """Whose word counts for which fields from now on; the words themselves are in the store."""
    line = {
        "client": request.state.client.id,
        "credential": getattr(request.state, "credential", ""),
        "document": document_id,
        "fields": " ".join(f"{page}/{index}" for page, index in sorted(places)),
    }
    _log.info("fields corrected", extra={name: value for name, value in line.items() if value})


def _line(scope: Scope, message: Message) -> dict[str, Any]:
    state = scope.get("state", {})
    client = state.get("client")
    route = scope.get("route")
    line = {
        "method": scope["method"],
        "route": getattr(route, "path", ""),
        "status": message["status"],
        "client": client.id if client is not None else "",
        "credential": state.get("credential", ""),
        "address": scope["client"][0] if scope.get("client") else "",
        "document": scope.get("path_params", {}).get(_ID, "") or _created(message),
    }
    return {name: value for name, value in line.items() if value}


def _created(message: Message) -> str:
    """The id of a document that was sent, as its address ends."""
    location: bytes = dict(message["headers"]).get(b"location", b"")
    return location.rpartition(b"/")[2].decode("latin-1")

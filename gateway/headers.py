"""Headers that every response has: a browser shall trust it no more than it must."""

from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


def cors_options(origins: Sequence[str]) -> dict[str, Any]:
    """For starlette's `CORSMiddleware`: what pages of other sites may do. Cookies mean nothing."""
    return {
        "allow_origins": origins,
        "allow_methods": ("GET", "POST", "PATCH", "DELETE"),
        "allow_headers": (
            *("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key"),
            *("If-Match", "If-None-Match", "Last-Event-ID"),
        ),
        "expose_headers": ("ETag", "Location", "Retry-After"),
    }


class SecurityHeaders:
    """Middleware that adds what the response does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> Any:
            if message["type"] == "http.response.start":
                own = message["headers"]
                said = {name for name, _ in own}
                message["headers"] = [*own, *(each for each in _RAW if each[0] not in said)]
            await send(message)

        await self._app(scope, receive, told)

"""What is wrong with a document or page, as the worker process says it.

The worker does not import `meshkit.errors` (and with it gRPC); the orchestrator turns a fault into
the error of that tree.
"""

from typing import Literal

Kind = Literal["document", "page", "too_large", "internal"]


class Fault(Exception):  # noqa: N818 - what it is, not how it travels
    """A page or document that cannot be read.

    Args:
        kind: which error it becomes: InvalidDocument, InvalidPage, TooLarge or Internal.
        reason: stable UPPER_SNAKE_CASE identifier.
        message: what is wrong and what to do, for a person; for a page without its number.
        metadata: string pairs for programs.
    """

    def __init__(self, kind: Kind, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.reason = reason
        self.message = message
        self.metadata = metadata


def page_too_large(width: float, height: float, unit: str, limit: str) -> Fault:
    """A page over a limit; `unit` is `pixels` or `points`, `limit` says the limit in words."""
    return Fault(
        "page",
        "PAGE_TOO_LARGE",
        f"it measures {width:,.0f} x {height:,.0f} {unit}; the limit is {limit}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        unit=unit,
    )


def too_many_pages(count: int, limit: int) -> Fault:
    return Fault(
        "too_large",
        "TOO_MANY_PAGES",
        f"the document has {count:,} pages; the limit is {limit:,}: split it",
        pages=str(count),
        limit=str(limit),
    )

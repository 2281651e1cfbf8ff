"""Which format of a result an Accept header asks for."""

from collections.abc import Sequence

from gateway.problems import HttpProblem

MEDIA_TYPES: Sequence[tuple[str, str]] = (
    ("application/json", "json"),
    ("text/markdown", "markdown"),
    ("text/html", "hocr"),
    ("text/vnd.hocr+html", "hocr"),
    ("application/xml", "alto"),
    ("text/xml", "alto"),
    ("application/pdf", "pdf"),
    ("text/plain", "text"),
)
"""Media types with their formats; what comes first is preferred where the client does not mind."""


def media_type_of(name: str) -> str:
    """The media type that a format is sent as."""
    return next(media_type for media_type, format_name in MEDIA_TYPES if format_name == name)


def accepted(header: str) -> str:
    """The format that suits an Accept header best, after RFC 9110.

    Raises:
        HttpProblem: 406, none of them.
    """
    ranges = [_parsed(part) for part in header.split(",") if part.strip()] or [("*/*", 1.0)]
    best, best_quality = "", 0.0
    for media_type, name in MEDIA_TYPES:
        quality = _quality(media_type, ranges)
        if quality > best_quality:
            best, best_quality = name, quality
    if not best:
        raise HttpProblem(
            406,
            "NOT_ACCEPTABLE",
            f"a result comes as {', '.join(media_type for media_type, _ in MEDIA_TYPES)}",
        )
    return best


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """How much a type is wanted: what names it most closely counts."""
    kind = media_type.partition("/")[0]
    for wanted in (media_type, f"{kind}/*", "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0


def _parsed(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return name.lower(), min(max(float(value), 0.0), 1.0)
            except ValueError:
                return name.lower(), 0.0
    return name.lower(), 1.0

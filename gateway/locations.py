"""Locations as they may be shown, and those that a client may not name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshkit.errors import Forbidden, InvalidInput

_SCHEMES = ("https", "http", "s3", "file")
_FIELD = {"field": "location"}


def public_location(location: str) -> str:
    """The location without user, password, query and fragment: those may be credentials."""
    parts = urlsplit(location)
    host, port = parts.hostname or "", parts.port
    if ":" in host:
        host = f"[{host}]"
    where = f"{host}:{port}" if port is not None else host
    return f"{parts.scheme}://{where}{parts.path}"


def check_location(location: str, own: str) -> None:
    """Whether a client may name a location; which ones are fetched is the orchestrator's to say.

    Args:
        location: that a client gave.
        own: where uploads lie: those of other clients are nobody's to name.

    Raises:
        InvalidInput: it is no location.
        Forbidden: it is among the uploads.
    """
    try:
        shown = public_location(location)
        scheme = urlsplit(location).scheme
    except ValueError as error:
        raise InvalidInput(
            "location: this is no URL", reason="MALFORMED_LOCATION", metadata=_FIELD
        ) from error
    if scheme not in _SCHEMES:
        raise InvalidInput(
            "location: https://, s3:// or file:// is expected",
            reason="UNSUPPORTED_SCHEME",
            metadata=_FIELD,
        )
    if _is_below(location, own):
        raise Forbidden(
            f"{shown}: files from there are not taken",
            reason="LOCATION_NOT_ALLOWED",
            metadata=_FIELD,
        )


def _is_below(location: str, own: str) -> bool:
    if not location.startswith("file:"):
        return location.startswith(f"{own}/")
    given, root = (Path(unquote(urlsplit(each).path)) for each in (location, own))
    return given.resolve().is_relative_to(root) if own.startswith("file:") else False

"""Locations that a client may not name."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshkit.errors import Forbidden, InvalidInput
from meshkit.locations import public_location

_SCHEMES = ("https", "http", "s3", "file")
_FIELD = {"field": "location"}


def check_location(location: str, own: str) -> None:
    """Whether a client may name a location; which ones are fetched is the orchestrator's to say.

    Args:
        location: that a client gave.
        own: where uploads lie: those of other clients are nobody's to name.

    Raises:
        InvalidInput: it is no location. One that is malformed beyond its scheme fails its document.
        Forbidden: it is among the uploads.
    """
    if location.partition("://")[0] not in _SCHEMES:
        raise InvalidInput(
            "location: https://, s3:// or file:// is expected",
            reason="UNSUPPORTED_SCHEME",
            metadata=_FIELD,
        )
    if _is_below(location, own):
        raise Forbidden(
            f"{public_location(location)}: files from there are not taken",
            reason="LOCATION_NOT_ALLOWED",
            metadata=_FIELD,
        )


def _is_below(location: str, own: str) -> bool:
    if not location.startswith("file:"):
        return location.startswith(f"{own}/")
    if not own.startswith("file:"):
        return False
    # What follows the scheme, with and without a host before the path.
    given = unquote(location.partition("://")[2])
    path = Path("/" + given.partition("/")[2])
    try:
        return path.resolve().is_relative_to(Path(unquote(urlsplit(own).path)))
    except (ValueError, OSError):
        return False  # no path that anybody could open

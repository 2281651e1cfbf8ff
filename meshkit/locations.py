"""Locations as they may be shown to people and in logs."""

from urllib.parse import urlsplit


def public_location(location: str) -> str:
    """The location without user, password, query and fragment: those may be credentials."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "a malformed location"
    if ":" in host:
        host = f"[{host}]"
    where = f"{host}:{port}" if port is not None else host
    return f"{parts.scheme}://{where}{parts.path}"

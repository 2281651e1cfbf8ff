"""Documents that come as bytes: taken in under limits, kept where the orchestrator finds them."""

from gateway.uploads.places import Place, open_place
from gateway.uploads.spool import Incoming

__all__ = ["Incoming", "Place", "open_place"]

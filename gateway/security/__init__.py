"""Who may ask for what, and how often."""

from gateway.security.doorkeeper import Doorkeeper, open_doorkeeper

__all__ = ["Doorkeeper", "open_doorkeeper"]

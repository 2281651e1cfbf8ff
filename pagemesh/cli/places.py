"""Where the command keeps its files."""

import os
from pathlib import Path


def state_dir() -> Path:
    """`$PAGEMESH_STATE_DIR`, else `pagemesh` in the user's folder for state."""
    named = os.environ.get("PAGEMESH_STATE_DIR")
    if named:
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "pagemesh"


def log_file() -> Path:
    """The log of the command itself, with what embedded models and orchestrator say."""
    return state_dir() / "pagemesh.log"

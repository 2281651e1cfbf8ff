"""The command `pagemesh`."""

import os
import sys
from typing import NoReturn

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run it; does not return."""
    # gRPC's own log is for its developers; what matters comes back as an error.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from pagemesh.cli.app import run  # noqa: PLC0415 - so that importing this costs nothing

        run()
    except KeyboardInterrupt:
        _leave()
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # typer's word for Ctrl-C
            _leave()
        raise


def _leave() -> NoReturn:
    """End now. Whatever could be closed in good order is closed; a second Ctrl-C waits for no
    thread."""
    sys.stderr.flush()
    os._exit(EXIT_INTERRUPTED)

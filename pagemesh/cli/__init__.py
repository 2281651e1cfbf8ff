"""The command `pagemesh`."""

import os


def main() -> None:
    """Run it; does not return."""
    # gRPC's own log is for its developers; what matters comes back as an error.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from pagemesh.cli.app import run  # noqa: PLC0415 - so that importing this costs nothing

    run()

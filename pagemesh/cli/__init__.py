"""The command `pagemesh`."""


def main() -> None:
    """Run it; does not return."""
    from pagemesh.cli.app import run  # noqa: PLC0415 - so that importing this costs nothing

    run()

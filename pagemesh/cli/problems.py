"""How the command says that something went wrong."""

import sys

from pagemesh.exports.characters import printable

EXIT_FAILED = 1
EXIT_USAGE = 2


def complain(message: str, about: str = "") -> None:
    """One line on standard error."""
    where = f"{about}: " if about else ""
    line = " ".join(f"{where}{message}".split())
    print(f"pagemesh: {printable(line)}", file=sys.stderr)  # noqa: T201

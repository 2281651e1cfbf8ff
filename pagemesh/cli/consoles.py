"""Consoles for standard output and standard error."""

import os
import sys

from rich.console import Console

PIPE_WIDTH = 120
"""Columns when nobody says how wide the reader is."""


def output_console() -> Console:
    """Standard output: a terminal's own width, a fixed one for files and pipes."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else PIPE_WIDTH)


def error_console() -> Console:
    """Standard error, for what is no result; long lines are left to the terminal."""
    return Console(stderr=True, highlight=False, soft_wrap=True)

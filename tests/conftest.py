"""Shared by all tests."""

import os
import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def nobodys_environment() -> Iterator[None]:
    """Hide the variables by which a person configured pagemesh or OpenTelemetry for themselves."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("PAGEMESH_", "OTEL_"))]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def heard_ctrl_c() -> None:
    """A job in the background ignores Ctrl-C, and so would every process that tests send it to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

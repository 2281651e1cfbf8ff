"""Shared by all tests."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def nobodys_environment() -> Iterator[None]:
    """Hide the variables by which a person configured pagemesh or OpenTelemetry for themselves."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("PAGEMESH_", "OTEL_"))]:
            patch.delenv(name)
        yield

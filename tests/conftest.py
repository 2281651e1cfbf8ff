"""Shared by all tests."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

# How long an example takes is the machine's affair: no test asserts it.
hypothesis.settings.register_profile("pagemesh", deadline=None)
hypothesis.settings.load_profile("pagemesh")

SERVICES = pytest.StashKey[set[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What a worker of xdist ran its tests against."""
    told = getattr(node, "workeroutput", {}).get("services", [])
    node.config.stash.setdefault(SERVICES, set()).update(told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        services: set[str] = session.config.stash.setdefault(SERVICES, set())
        session.config.workeroutput["services"] = sorted(services)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    services: set[str] = config.stash.setdefault(SERVICES, set())
    for service in sorted(services):
        terminalreporter.write_line(f"ran against {service}")


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

"""A clock that jumps is seen by the process that it is for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.clock import Clock

_RUN = """
import threading, time
seen = None
while True:
    now = round((time.time() - time.monotonic()) / 60)
    if now != seen:
        seen = now
        print(seen, flush=True)
    threading.Event().wait(0.05)
"""
"""Tells how many minutes the clock is ahead of one that does not jump, whenever that changes."""
_DAY_MINUTES = 24 * 60


def test_jumps_are_seen_and_so_is_the_way_back(tmp_path: Path) -> None:
    try:
        clock = Clock(tmp_path / "clock")
    except FileNotFoundError as error:
        pytest.skip(f"{error} is not installed")
    with subprocess.Popen(
        [sys.executable, "-c", _RUN], env=clock.variables, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            right = int(process.stdout.readline())
            for minutes in (60, -_DAY_MINUTES, 0):
                clock.jump(60 * minutes)
                assert int(process.stdout.readline()) - right == pytest.approx(minutes, abs=1)
        finally:
            process.kill()

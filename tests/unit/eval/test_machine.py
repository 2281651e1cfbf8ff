"""What a process and its children spend."""

import subprocess
import sys
import time

from eval.machine import MemoryWatch, children, cpu_seconds

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
HOLD = "hoard = bytearray(60_000_000)\nprint(flush=True)\ninput()"


def test_processor_time_of_children_counts_while_they_live_and_after() -> None:
    before = cpu_seconds()
    child = subprocess.Popen(
        [sys.executable, "-c", BURN + "print(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in children()
        assert cpu_seconds() - before > 0.25
    assert cpu_seconds() - before > 0.25


def test_waiting_costs_nothing() -> None:
    before = cpu_seconds()
    time.sleep(0.2)
    assert cpu_seconds() - before < 0.1


def test_memory_of_a_child_adds_to_the_peak() -> None:
    with MemoryWatch() as memory:
        before = memory.peak_bytes
        command = [sys.executable, "-c", HOLD]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            deadline = time.monotonic() + 60
            while memory.peak_bytes - before < 60_000_000 and time.monotonic() < deadline:
                time.sleep(0.05)
    assert memory.peak_bytes - before >= 60_000_000

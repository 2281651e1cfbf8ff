"""Runs every target for a while: `python -m tests.fuzz --seconds 60`.

By atheris where it is installed, which is led by the code that inputs reach, else by hypothesis,
which is not. Exits 1 when something was found; the input is kept below `var/fuzz` then. Once it is
mended, put it into `tests/fuzz/findings/TARGET/`.
"""

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import TARGETS

KEPT = Path("var/fuzz")
_EXECUTED = re.compile(r"number_of_executed_units: (\d+)|Done (\d+) runs")
_GRACE_SECONDS = 120


def guided(name: str, seconds: float, folder: Path) -> tuple[int, bool, str]:
    """Inputs tried, whether it ended well, and what it said."""
    command = [
        *(sys.executable, "-m", "tests.fuzz.guided", name),
        f"-max_total_time={max(1, round(seconds))}",
        *("-timeout=20", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1"),
        f"-artifact_prefix={folder}-",
        str(folder),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS, check=False
    )
    said = done.stdout + done.stderr
    counts = [int(one or other) for one, other in _EXECUTED.findall(said)]
    return max(counts, default=0), done.returncode == 0, said


def unguided(name: str, seconds: float, folder: Path) -> tuple[int, bool, str]:
    """The same by hypothesis."""
    target, tried, until = TARGETS[name], 0, time.monotonic() + seconds

    @settings(
        max_examples=10**9,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,  # the end of its time is no failure
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(target.seeds()))
    def run(content: bytes) -> None:
        nonlocal tried
        if time.monotonic() > until:
            raise _OverError
        tried += 1
        try:
            target.run(content)
        except Exception:
            digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            folder.with_name(f"{name}-crash-{digest}").write_bytes(content)
            raise

    try:
        run()
    except _OverError:
        return tried, True, ""
    except Exception as error:
        return tried, False, repr(error)
    return tried, True, ""


class _OverError(BaseException):
    """The time is over."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each target")
    parser.add_argument("--targets", nargs="*", choices=[*TARGETS], default=[*TARGETS])
    options = parser.parse_args()
    is_guided = importlib.util.find_spec("atheris") is not None
    print("by atheris, guided by coverage" if is_guided else "by hypothesis: atheris is not here")
    found = 0
    for name in options.targets:
        folder = KEPT / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(TARGETS[name].seeds()):
            (folder / f"seed-{number}").write_bytes(seed)
        run = guided if is_guided else unguided
        tried, is_well, said = run(name, options.seconds, folder)
        print(f"{name:10} {tried:8} inputs  {'nothing found' if is_well else 'FOUND'}", flush=True)
        if not is_well:
            found += 1
            print(said[-6000:], flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Holds what is installed against known vulnerabilities: `make audit`.

By pip-audit: first what each image installs (`docker/*.lock`), then this environment. Exits 0 when
nothing is known against any of it, 1 when something is, 2 when that could not be found out.
Without a network osv.dev's export of PyPI does (`--advisories all.zip`, `scripts.advisories`).
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.advisories import Advisories
from scripts.generate_stubs import ROOT

SOURCE = "https://api.osv.dev/v1/query"
EXIT_FOUND, EXIT_UNKNOWN = 1, 2
_UNREACHABLE = ("ConnectionError", "Could not connect", "ServiceError", "Max retries", "Timeout")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=SOURCE, help="of advisories, as osv.dev has it")
    parser.add_argument("--advisories", type=Path, help="osv.dev's export, in place of the source")
    options = parser.parse_args()
    if options.advisories is None:
        return audit_all(options.source)
    try:
        advisories = Advisories(options.advisories)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"NOT AUDITED: {error}")
        return EXIT_UNKNOWN
    print(f"{advisories.count} advisories, the last of {advisories.newest}")
    with advisories.served() as source:
        return audit_all(source)


def audit_all(source: str) -> int:
    """Judge every lock and this environment; the exit code."""
    codes = []
    with tempfile.TemporaryDirectory() as scratch:
        for lock in sorted((ROOT / "docker").glob("*.lock")):
            codes.append(audit(lock.name, requirements(lock, Path(scratch)), source))
            if codes[-1] == EXIT_UNKNOWN:
                return EXIT_UNKNOWN
    codes.append(audit("this environment", ["--local", "--skip-editable"], source))
    return max(codes)


def requirements(lock: Path, folder: Path) -> list[str]:
    """The lock's packages by name and version; pip is not asked about them again."""
    pinned = [
        line.split(";")[0].rstrip("\\ \n")
        for line in lock.read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    ]
    path = folder / f"{lock.name}.txt"
    path.write_text("\n".join(pinned) + "\n")
    return ["--requirement", str(path), "--disable-pip", "--no-deps"]


def audit(what: str, packages: list[str], source: str) -> int:
    """Judge some packages and say so; the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv"]
    command += ["--osv-url", source, "--progress-spinner", "off", "--timeout", "15", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in _UNREACHABLE):
        print(f"{what}: NOT AUDITED: {source} cannot be reached")
        return EXIT_UNKNOWN
    print(f"{what}: {done.stderr.strip() or 'no answer'}")
    if done.returncode:
        print(done.stdout)
        return EXIT_FOUND
    return 0


if __name__ == "__main__":
    sys.exit(main())

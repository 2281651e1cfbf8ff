"""Fetch the console's libraries and its font again and prove that they are what is committed.

`python -m scripts.vendor_console` packs each library at its recorded version by npm, verifies the
package's digest, and writes its modules; `--check` compares the committed files with the record,
without npm or a network; `--update preact=11.2.0` records another version.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "gateway" / "console" / "static" / "vendor"
RECORD = "vendored.json"

MODULES = {
    "preact": {"dist/preact.mjs": "preact.mjs", "hooks/dist/hooks.mjs": "preact-hooks.mjs"},
    "htm": {"dist/htm.mjs": "htm.mjs"},
    "@preact/signals-core": {"dist/signals-core.mjs": "signals-core.mjs"},
    "@preact/signals": {"dist/signals.mjs": "signals.mjs"},
    "@fontsource-variable/inter": {"files/inter-latin-wght-normal.woff2": "inter.woff2"},
}
"""By package: the files inside it that are taken, and their names here."""

SPECIFIERS = {
    "preact": "./preact.mjs",
    "preact/hooks": "./preact-hooks.mjs",
    "@preact/signals-core": "./signals-core.mjs",
}
"""A browser resolves names of packages by an import map alone, which would be an inline script."""

IMPORT = re.compile(rb'\b(from|import)"([^"./][^"]*)"')
SOURCE_MAP = re.compile(rb"\n//# sourceMappingURL=.*\s*\Z")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare files with the record only")
    parser.add_argument("--update", nargs="*", default=[], metavar="PACKAGE=VERSION")
    arguments = parser.parse_args()
    record = read_record(FOLDER)
    if arguments.check:
        sys.exit("\n".join(differences(FOLDER, record)) or 0)
    wanted = dict(item.rsplit("=", 1) for item in arguments.update)
    if unknown := wanted.keys() - MODULES.keys():
        sys.exit(f"not a library of the console: {', '.join(sorted(unknown))}")
    for package in MODULES:
        fetched = _fetch(package, wanted.get(package) or record[package]["version"])
        if package not in wanted and fetched != record[package]:
            sys.exit(f"{package}: the registry's package is not the one that is recorded")
        record[package] = fetched
        print(f"{package} {fetched['version']} ({fetched['license']})")
    (FOLDER / RECORD).write_text(json.dumps(record, indent=2) + "\n")


def read_record(folder: Path) -> dict[str, Any]:
    """What is vendored: by package its version, licence, digest and the digests of its files."""
    record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return record


def differences(folder: Path, record: Mapping[str, Any]) -> list[str]:
    """What is in the folder and not as recorded, a sentence each; none when all is in order."""
    recorded = {
        name: digest for entry in record.values() for name, digest in entry["files"].items()
    }
    present = {path.name: path for path in folder.iterdir() if path.name != RECORD}
    found = [f"{name}: not in the record" for name in sorted(present.keys() - recorded.keys())]
    for name, digest in sorted(recorded.items()):
        if name not in present:
            found.append(f"{name}: recorded, and not there")
        elif _sha256(present[name].read_bytes()) != digest:
            found.append(f"{name}: changed since it was vendored")
    return found


def _fetch(package: str, version: str) -> dict[str, Any]:
    """Write a package's modules and licence; what the record says of it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--json", "--pack-destination", folder, f"{package}@{version}"]
        packed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)[0]
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        root = Path(folder) / "package"
        about = json.loads((root / "package.json").read_text())
        files = {name: (root / source).read_bytes() for source, name in MODULES[package].items()}
        files[f"{package.strip('@').replace('/', '-')}.LICENSE"] = (root / "LICENSE").read_bytes()
    files = {n: _resolved(c) if n.endswith(".mjs") else c for n, c in files.items()}
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
    return {
        "version": version,
        "license": about["license"],
        "integrity": packed["integrity"],
        "files": {name: _sha256(content) for name, content in files.items()},
    }


def _resolved(module: bytes) -> bytes:
    """The module with its imports as paths, without the name of its map of sources."""

    def path(match: re.Match[bytes]) -> bytes:
        return b'%s"%s"' % (match[1], SPECIFIERS[match[2].decode()].encode())

    return SOURCE_MAP.sub(b"\n", IMPORT.sub(path, module))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()

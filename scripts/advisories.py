"""osv.dev's answers from its own export, for machines that do not reach it.

The export of PyPI's packages is <https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip>:
a JSON file for each advisory, in OSV's schema.
"""

import contextlib
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Advisory = Mapping[str, Any]
_BEFORE_ALL = Version("0.dev0")
_FROM = "introduced"


class Advisories:
    """Advisories of PyPI's packages.

    Args:
        path: of the export.

    Attributes:
        count: how many there are.
        newest: when the last of them was changed, as they write it.

    Raises:
        OSError, zipfile.BadZipFile, ValueError: it cannot be read, or has no advisory.
    """

    def __init__(self, path: Path) -> None:
        self._by_name: dict[str, list[Advisory]] = {}
        self.count, self.newest = 0, ""
        with zipfile.ZipFile(path) as export:
            for name in export.namelist():
                if name.endswith(".json"):
                    self._add(json.loads(export.read(name)))
        if not self.count:
            raise ValueError(f"{path} has no advisory of a package on PyPI")

    def _add(self, advisory: Advisory) -> None:
        names = {
            canonicalize_name(each["package"]["name"])
            for each in advisory.get("affected", ())
            if each.get("package", {}).get("ecosystem") == "PyPI"
        }
        for name in names:
            self._by_name.setdefault(name, []).append(advisory)
        self.count += bool(names)
        self.newest = max(self.newest, advisory.get("modified", ""))

    def of(self, name: str, version: str) -> list[Advisory]:
        """Those that a version of a package is affected by."""
        name = canonicalize_name(name)
        return [
            advisory
            for advisory in self._by_name.get(name, ())
            if any(_is_affected(each, name, version) for each in advisory["affected"])
        ]

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """A URL on 127.0.0.1 that answers queries as osv.dev does."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()
            server.server_close()


def _is_affected(affected: Mapping[str, Any], name: str, version: str) -> bool:
    """As OSV's schema says: the version is listed, or within a range."""
    if canonicalize_name(affected["package"]["name"]) != name:
        return False
    if version in affected.get("versions", ()):
        return True
    ranges = [each for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM"]
    return any(_is_within(each["events"], Version(version)) for each in ranges)


def _is_within(events: list[Mapping[str, str]], version: Version) -> bool:
    """Events in the order of their versions switch it on and off.

    A bound that is no version holds nothing up: rather one advisory too many.
    """
    bounds = [(_parsed(text), kind) for event in events for kind, text in event.items()]
    is_within = False
    for at, kind in sorted((at or _BEFORE_ALL, kind) for at, kind in bounds if at or kind == _FROM):
        if kind == _FROM and at <= version:
            is_within = True
        elif (kind == "fixed" and at <= version) or (kind == "last_affected" and at < version):
            is_within = False
    return is_within


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _answering(advisories: Advisories) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = advisories.of(asked["package"]["name"], asked["version"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Answer

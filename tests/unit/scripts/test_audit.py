"""`make audit` says what is known, what is not, and when it could not find out."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.service import free_port
from scripts.audit import EXIT_FOUND, EXIT_UNKNOWN, audit, requirements

ADVISORY = {
    "id": "PYSEC-0000-1",
    "summary": "Reads beyond its end.",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "toy", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}],
        }
    ],
}


class _Advisories(BaseHTTPRequestHandler):
    """Knows one vulnerability, of `toy` 1.0.0."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_bad = (asked["package"]["name"], asked["version"]) == ("toy", "1.0.0")
        body = json.dumps({"vulns": [ADVISORY]} if is_bad else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def source() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def locked(folder: Path, version: str) -> list[str]:
    lock = folder / "toy.lock"
    lock.write_text(f"# made\ntoy=={version} ; python_version > '3' \\\n    --hash=sha256:00\n")
    return requirements(lock, folder)


def test_what_is_known_is_told(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("toy.lock", locked(tmp_path, "1.0.0"), source) == EXIT_FOUND
    assert "PYSEC-0000-1" in capsys.readouterr().out
    assert audit("toy.lock", locked(tmp_path, "1.0.1"), source) == 0
    assert "No known vulnerabilities" in capsys.readouterr().out


def test_a_source_that_is_away_is_no_all_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1/query"
    assert audit("toy.lock", locked(tmp_path, "1.0.0"), away) == EXIT_UNKNOWN
    assert "NOT AUDITED" in capsys.readouterr().out

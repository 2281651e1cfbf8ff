"""The console: a page at `/` that shows what was read, where. Its files are in `static/`.

They are served as they are written: no build, no Node.js. `scripts/vendor_console.py` fetches the
libraries in `static/vendor/`.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"


class _ConsoleFiles(StaticFiles):
    """Files that a browser asks for again each time: their modules must be of one version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def add_console(app: FastAPI) -> None:
    """Serve the console's files where no other route is."""
    app.mount("/", _ConsoleFiles(directory=STATIC, html=True), name="console")

"""The console: static files of this package, at `/`."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parents[1] / "console" / "static"


def add_console(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve the console's files where no other route is, if this package was built with them."""
    if folder.is_dir():
        app.mount("/", StaticFiles(directory=folder, html=True), name="console")

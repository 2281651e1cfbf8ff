"""Where results go: the terminal, a pipe, a file, or a folder of files."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

import typer

from pagemesh.exports import FORMATS, Analysis, overlay_png
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import GetDocumentResponse
from pagemesh.sources import location_of

STDOUT = "-"


class Output(StrEnum):
    """What `--output` takes."""

    JSON = "json"
    TEXT = "text"
    MARKDOWN = "markdown"
    HOCR = "hocr"
    ALTO = "alto"
    PDF = "pdf"
    OVERLAY = "overlay"

    @property
    def needs_images(self) -> bool:
        """Whether the document itself is needed beside its result."""
        return self is Output.OVERLAY or FORMATS[self].needs_images

    @property
    def is_for_files(self) -> bool:
        """Whether it goes to files when no place is named."""
        return self is Output.OVERLAY or FORMATS[self].binary


class Destination:
    """Where the results of a command go, checked before any work begins.

    Args:
        output: the format.
        out: `--out`: a file, a folder, `-`, or None for the format's usual place: standard output
            for text, the current folder for pictures.
        files: the documents.

    Raises:
        typer.BadParameter: the results have no such place.
    """

    def __init__(self, output: Output, out: str | None, files: list[str]) -> None:
        self._output = output
        self._folder: Path | None = None
        self._file: Path | None = None
        if out == STDOUT or (out is None and not output.is_for_files):
            self._check_stream()
            return
        place = Path(out or ".")
        wants_folder = len(files) > 1 or output is Output.OVERLAY or (out or "").endswith(os.sep)
        if place.is_dir() or wants_folder:
            self._folder = place
            self._check_folder(files)
        else:
            self._file = place
            self._check_file(files[0])

    def write(
        self, source: str, result: GetDocumentResponse, password: str, dpi: int
    ) -> list[Path]:
        """Write one document's result. Returns the files that were made."""
        with contextlib.ExitStack() as stack:
            image_of = None
            if self._output.needs_images:
                from pagemesh.embedded import page_images  # noqa: PLC0415 - heavy, seldom needed

                image_of = stack.enter_context(page_images(Path(source), password, dpi))
            analysis = Analysis(result.document, result.pages, image_of)
            if self._output is Output.OVERLAY:
                return [self._write_overlay(source, analysis, page) for page in result.pages]
            form = FORMATS[self._output]
            path = self._file
            if self._folder is not None:
                path = self._folder / f"{stem_of(source)}{form.suffix}"
            if path is None:
                form.write(analysis, sys.stdout.buffer)
                sys.stdout.buffer.flush()
                return []
            with whole_file(path) as file:
                form.write(analysis, file)
            return [path]

    @property
    def is_stream(self) -> bool:
        """Whether results go to standard output."""
        return self._file is None and self._folder is None

    def _write_overlay(self, source: str, analysis: Analysis, page: PageResult) -> Path:
        folder = self._folder or Path()
        path = folder / f"{stem_of(source)}.page-{page.page_number:03d}.png"
        png = overlay_png(page, analysis.image(page), analysis.document.source)
        with whole_file(path) as file:
            file.write(png)
        return path

    def _check_stream(self) -> None:
        if self._output is Output.OVERLAY:
            raise typer.BadParameter(
                "an overlay is one picture a page; name a folder", param_hint="--out"
            )
        if self._output.is_for_files and sys.stdout.isatty():
            raise typer.BadParameter(
                f"{self._output} is no text for a terminal; name a file", param_hint="--out"
            )

    def _check_folder(self, files: list[str]) -> None:
        folder = self._folder or Path()
        if self._output is Output.OVERLAY and folder.suffix and not folder.exists():
            raise typer.BadParameter(
                f"an overlay is one picture a page; name a folder instead of {folder}",
                param_hint="--out",
            )
        if folder.exists() and not folder.is_dir():
            raise typer.BadParameter(
                f"{folder} is a file; several results need a folder", param_hint="--out"
            )
        stems = [stem_of(file) for file in files]
        twice = next((stem for stem in stems if stems.count(stem) > 1), None)
        if twice is not None:
            raise typer.BadParameter(
                f"two documents are named {twice}; their results would overwrite each other",
                param_hint="--out",
            )

    def _check_file(self, source: str) -> None:
        path = self._file or Path()
        if not location_of(source) and path.exists() and path.samefile(source):
            raise typer.BadParameter(f"{path} is the document itself", param_hint="--out")


def stem_of(source: str) -> str:
    """The name of a document without folders and its ending."""
    path = urlsplit(source).path if location_of(source) else source
    return PurePosixPath(path).stem or "document"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def missing(files: Iterable[str]) -> list[str]:
    """Those that are neither a location nor a file."""
    return [file for file in files if not location_of(file) and not Path(file).is_file()]

"""What the product says of every file of a folder, one JSON line a page.

    {"file": "images/a.png", "width": 762, "height": 1000,
     "words": [{"text": "Date:", "quad": [x1, y1, .., x4, y4], "confidence": 0.98}],
     "skew_degrees": 0.31, "orientation": 0,
     "checkboxes": [{"bbox": [x, y, w, h], "checked": true, "score": 0.97}],
     "signatures": [{"bbox": [x, y, w, h], "score": 0.88}],
     "doc_class": "form", "doc_family": null}

Pixels are those of the file, upright or not, counted from the outer edge of the first pixel;
pixels of a PDF are those of its page at `dpi`. Quads go clockwise from the top-left corner as a
person reads the word. `skew_degrees` > 0: the content is turned clockwise. `orientation`: clockwise
degrees by which the page is turned, null when it can't be told; the skew is that of the page set
upright. Checkboxes are those that the server's own threshold lets pass; signatures come with every
score from 0.05, best first, and one is meant from 0.5. `doc_family` is the likeliest family of the
class, such as one form of an office; in sets whose labels name families (`eval.split`) it is the
`doc_class` too. A document of several pages gives a line a page, with `page` from 1. What could
not be read has an `error`, and what was found nevertheless.

The folder's `labels.jsonl`, if there is one, names the files; of its labels only `dpi` and
`stretched` (the page was squeezed into a square) are looked at. Without it every PDF and image
below the folder is read.
"""

import argparse
import asyncio
import io
import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, TiffImagePlugin
from rich.console import Console
from rich.progress import track

from eval.lines import PARTS, Line, page_line, unstretched
from eval.product import Product, open_product
from eval.selection import all_labels
from eval.split import FAMILY_SETS
from meshkit.errors import PagemeshError
from pagemesh.orchestrator.v1.document_pb2 import PageResult

SUFFIXES = {".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp"}
READING = {"words", "doc_class"}
"""Parts for which text is read."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file to read.

    Attributes:
        file: its path in the folder.
        dpi: what is known of it from elsewhere than the file; 0 when nothing is.
        stretched: whether a Letter page was squeezed into the shape that it has.
    """

    file: str
    dpi: int = 0
    stretched: bool = False


def tasks_of(folder: Path) -> list[Task]:
    """The files of a folder, as the module says.

    Raises:
        NotADirectoryError: it is none.
        FileNotFoundError: nothing in it is to be read.
        ValueError: a line of its labels is none.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder; give one with documents in it")
    if (folder / "labels.jsonl").is_file():
        return [
            Task(label["file"], round(label.get("dpi") or 0), bool(label.get("stretched")))
            for label in all_labels(folder)
        ]
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    tasks = [Task(path.relative_to(folder).as_posix()) for path in found if path.is_file()]
    if not tasks:
        raise FileNotFoundError(f"{folder} holds neither a labels.jsonl nor a PDF or image")
    return tasks


async def predict(
    product: Product, folder: Path, task: Task, parts: Collection[str], tier: str = ""
) -> list[Line]:
    """The lines of one file; one with an `error` when it can't be read."""
    options = {"ocr.tier": tier} if tier and READING.intersection(parts) else {}
    is_pdf = task.file.lower().endswith(".pdf")
    try:
        content = (folder / task.file).read_bytes()
        document, pages = await product.read(
            unstretched(content) if task.stretched else content,
            dpi=task.dpi if is_pdf else 0,
            options=options,
        )
    except (PagemeshError, OSError) as error:
        return [{"file": task.file, "error": str(error)}]
    if not pages:
        return [{"file": task.file, "error": document.error.message or "it has no pages"}]
    several = document.pages.total > 1
    return [
        {
            "file": task.file,
            **({"page": page.page_number} if several else {}),
            **_named_as(
                folder.name,
                page_line(page, parts, _size(content, page, is_pdf=is_pdf)),
            ),
        }
        for page in pages
    ]


def _named_as(set_name: str, line: Line) -> Line:
    """The line with its class as the set's labels would name it."""
    if set_name in FAMILY_SETS and line.get("doc_family"):
        return {**line, "doc_class": line["doc_family"]}
    return line


def _size(content: bytes, page: PageResult, *, is_pdf: bool) -> tuple[int, int]:
    """Width and height of a file's page in pixels, turned as the file says.

    The product resamples a fax's pixels to squares, so the page as read may have another size; that
    is taken of an image which Pillow can't tell the size of.
    """
    if is_pdf or not page.width:
        return page.width, page.height
    try:
        return _image_size(content, page.page_number - 1)
    except Exception:  # whatever Pillow raises of odd files; the product has read this one
        return page.width, page.height


def _image_size(content: bytes, index: int) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        image.seek(index)
        width, height = image.size
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
        # Pillow gives the size of a TIFF as it will be once turned, that of other files as it is.
        if turned and not isinstance(image, TiffImagePlugin.TiffImageFile):
            return height, width
        return width, height


async def predict_all(
    folder: Path, tasks: Sequence[Task], parts: Collection[str], tier: str
) -> AsyncIterator[Line]:
    """The lines of all files in their order, with a bar of progress on stderr."""
    console = Console(stderr=True)
    async with open_product([PARTS[part] for part in parts]) as product:
        for task in track(tasks, folder.name, console=console):
            for line in await predict(product, folder, task, parts, tier):
                if "error" in line:
                    console.print(f"{line['file']}: {line['error']}", markup=False)
                yield line


async def write_all(arguments: argparse.Namespace) -> None:
    """Write every line as soon as it is known."""
    tasks = tasks_of(arguments.data)[: arguments.limit]
    with arguments.out.open("w", encoding="utf-8") as out:
        async for line in predict_all(arguments.data, tasks, arguments.only, arguments.tier):
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            out.flush()


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not of {', '.join(PARTS)}")
    return parts


def main() -> None:
    """Read the command line and the folder, write the file."""
    parser = argparse.ArgumentParser(
        prog="eval.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--tier", choices=("fast", "accurate"), default="accurate", help="of OCR")
    parser.add_argument("--limit", type=int, help="the first so many files")
    parser.add_argument(
        "--only", type=_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}"
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(write_all(arguments))
    except (OSError, ValueError, PagemeshError) as error:
        parser.error(str(error))

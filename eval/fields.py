"""How many fields of registered forms are read exactly: `python -m eval.fields --data DIR`.

DIR holds `gov_form_templates`: fillable PDF forms, with `labels.jsonl`. Each form's definition
is drafted from the PDF's own fields, its pages are filled in print and by pen strokes, scanned by
program once clean and once noisy, and sent through the product's `forms` pipeline. A field is right
when its value, in its type's notation, is the value that was written, or empty where nothing was.
Clean: grey, 200 dpi, up to one degree of skew, a little blur and noise. Noisy:
`training.scan.random_settings` at 150 or 200 dpi, up to three degrees: a quarter 1-bit, JPEG,
blur and sensor noise.
"""

import argparse
import asyncio
import io
import json
import tempfile
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import yaml
from PIL import Image as PilImage

from eval.filled_forms import Filled, Form, fill_page, register
from eval.product import Product
from eval.report import Figure, print_table
from eval.selection import as_part, read_labels
from eval.split import Part
from orchestrator.config import SHIPPED_PIPELINES
from orchestrator.forms.definition import FieldDefinition, ValueType
from pagemesh.embedded import embedded_channel
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from training.scan import Scan, ScanSettings, random_settings, simulate_scan

SET = "gov_form_templates"
PIPELINE = SHIPPED_PIPELINES / "forms.yaml"
_DEADLINE = "60m"
KINDS = ("clean", "noisy")
_GROUPS = ("all", "text", "empty", "boxes", "signatures")


@dataclass
class Score:
    """Right and all fields, by what was in them.

    Attributes:
        right, total: by group: `text` was written, `empty` left empty, boxes (choices with them)
            and signatures; `all` of them.
        pages, matched: pages, and those taken for the form that they are.
        form_ms, fields_ms: milliseconds of both steps on each page.
    """

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pages: int = 0
    matched: int = 0
    form_ms: list[float] = field(default_factory=list)
    fields_ms: list[float] = field(default_factory=list)

    def add(self, form: Form, truth: Filled, page: documents.PageResult) -> list[str]:
        """Count a page; what was wrong on it, a line each."""
        self.pages += 1
        self.matched += page.form.name == form.definition.name
        for step, times in (("form", self.form_ms), ("fields", self.fields_ms)):
            times += [s.duration.ToNanoseconds() / 1e6 for s in page.steps if s.step == step]
        found = {item.name: item for item in page.fields if item.form == form.definition.name}
        wrong = []
        for item in form.definition.fields:
            if item.name not in truth.truth:
                continue
            wanted = truth.truth[item.name]
            got = found.get(item.name, documents.Field())
            for group in ("all", _group(item, wanted)):
                self.total[group] += 1
                self.right[group] += got.value == wanted
            if got.value != wanted:
                read = f"{got.value!r} (read {got.raw_text!r}, {got.confidence:.2f})"
                wrong.append(f"{item.name} ({item.type}): {wanted!r}, not {read}")
        return wrong

    def figures(self) -> dict[str, Figure]:
        """A row of a table."""
        shares: dict[str, Figure] = {
            group: self.right[group] / self.total[group] if self.total[group] else None
            for group in _GROUPS
        }
        return {
            "pages": self.pages,
            "form found": self.matched,
            "fields": self.total["all"],
            **shares,
            "form ms": float(np.median(self.form_ms)) if self.form_ms else None,
            "fields ms": float(np.median(self.fields_ms)) if self.fields_ms else None,
        }


def _group(item: FieldDefinition, wanted: str) -> str:
    if item.type is ValueType.SIGNATURE:
        return "signatures"
    is_boxed = any(option.zone is not None for option in item.options)
    if item.type is ValueType.CHECKBOX or is_boxed:
        return "boxes"
    return "text" if wanted else "empty"


@dataclass(frozen=True)
class ScannedPage:
    """A page that was filled and scanned.

    Attributes:
        file: the scan as a PNG file.
        filled: the page before, with what was written.
        dpi: of both.
        scan: where points of the one lie on the other.
    """

    file: bytes
    filled: Filled
    dpi: int
    scan: Scan


def scan_page(form: Form, number: int, kind: str) -> ScannedPage:
    """A filled and scanned page, the same each time."""
    name = form.definition.name
    rng = np.random.default_rng(zlib.crc32(f"{name} {number} {kind}".encode()))
    dpi = 150 if kind == "noisy" and rng.random() < 0.5 else 200
    filled = fill_page(form, number, dpi, rng)
    clean = ScanSettings(skew_degrees=float(rng.uniform(-1, 1)), grey=True)
    settings = clean if kind == "clean" else random_settings(rng, max_skew=3.0)
    scan = simulate_scan(filled.image, settings, rng)
    file = io.BytesIO()
    picture = PilImage.fromarray(cv2.cvtColor(scan.image, cv2.COLOR_BGR2RGB))
    picture.save(file, "PNG", dpi=(dpi, dpi))
    return ScannedPage(file.getvalue(), filled, dpi, scan)


def register_all(
    data: Path, part: Part | None, folder: Path, families: Sequence[str] = ()
) -> list[tuple[str, Form]]:
    """Every form of the set, or of some families, with its family; of the same PDF under two
    names one."""
    forms, seen = [], set()
    for label in read_labels(data / SET, part=part):
        path = data / SET / label["file"]
        content = zlib.crc32(path.read_bytes())
        if content in seen or (families and label["doc_class"] not in families):
            continue
        seen.add(content)
        name = "form_" + "".join(c if c.isalnum() else "_" for c in path.stem.lower())
        forms.append((str(label["doc_class"]), register(path, name, folder)))
    return forms


def pages_of(form: Form, limit: int) -> list[int]:
    """The first pages that have fields."""
    return sorted({item.page for item in form.definition.fields})[:limit]


def write_pipeline(folder: Path) -> Path:
    """The shipped pipeline with all the time in the world: a busy machine makes no field wrong."""
    pipeline = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    pipeline["deadline"] = _DEADLINE
    for step in pipeline["steps"]:
        step["deadline"] = _DEADLINE
    (folder / PIPELINE.name).write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    return folder


async def read_all(
    forms: Sequence[tuple[str, Form]], folder: Path, limit: int
) -> AsyncIterator[tuple[str, str, Form, int, Filled, documents.PageResult]]:
    """Family, kind, form, page number, truth and result of every page."""
    environ = {
        "PAGEMESH_ORCHESTRATOR_PIPELINES_DIR": str(write_pipeline(folder)),
        "PAGEMESH_ORCHESTRATOR_FORMS_DIR": str(folder),
        "PAGEMESH_ORCHESTRATOR_DEFAULT_PIPELINE": PIPELINE.stem,
    }
    async with embedded_channel(environ) as channel:
        product = Product(OrchestratorServiceStub(channel))
        for family, form in forms:
            for number in pages_of(form, limit):
                for kind in KINDS:
                    scanned = scan_page(form, number, kind)
                    _, pages = await product.read(scanned.file)
                    yield family, kind, form, number, scanned.filled, pages[0]


async def measure(arguments: argparse.Namespace) -> None:
    """Print a row a family, then one for clean and one for noisy scans."""
    scores: dict[tuple[str, str], Score] = defaultdict(Score)
    with tempfile.TemporaryDirectory(prefix="pagemesh-forms-") as place:
        folder = Path(place)
        forms = register_all(arguments.data, as_part(arguments.part), folder, arguments.families)
        async for family, kind, form, number, truth, page in read_all(
            forms, folder, arguments.pages
        ):
            wrong = scores[kind, family].add(form, truth, page)
            scores[kind, "all families"].add(form, truth, page)
            if arguments.misses:
                found = page.form.reason or f"score {page.form.score:.2f}"
                _print_lines(f"{form.definition.name} page {number}, {kind}, {found}", wrong)
            if arguments.out:
                _write(arguments.out, scores)
    print_table("Fields read exactly", _rows(scores))


def _rows(scores: dict[tuple[str, str], Score]) -> Iterator[dict[str, Figure]]:
    for (kind, family), score in sorted(scores.items()):
        yield {"scans": kind, "family": family, **score.figures()}


def _write(path: Path, scores: dict[tuple[str, str], Score]) -> None:
    path.write_text(json.dumps(list(_rows(scores)), indent=1) + "\n", encoding="utf-8")


def _print_lines(head: str, lines: Sequence[str]) -> None:
    print("\n  ".join([f"{head}: {len(lines)} wrong", *lines]), flush=True)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--part", choices=[*map(str, Part), "all"], default="validation")
    parser.add_argument("--families", nargs="+", default=[], help="of forms; all when omitted")
    parser.add_argument("--pages", type=int, default=2, help="of each form, at most")
    parser.add_argument("--misses", action="store_true", help="print every wrong field")
    parser.add_argument("--out", type=Path, help="file for the figures as JSON, page by page")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()

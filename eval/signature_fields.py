"""Are places to sign told signed from empty: `python -m eval.signature_fields --data DIR`.

DIR holds `gov_form_templates`: fillable PDF forms, whose own fields say where to sign. Pages with
such fields are filled in print and by pen strokes, six of ten places to sign among them, scanned by
program (`eval.fields`), and read by the product's pipeline without any registered form: places are
found by what is printed beside them. A place that the product tells belongs to a field when its
middle lies on the field, or the field's on it.

found: share of fields that a place was told of. signed right, empty right: share of those fields
told as what they are; a field that was not found counts as wrong. Pages whose print has no word of
signing have no place to sign: `on pages without` is how many places were told on how many of them.
"""

import argparse
import asyncio
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.fields import KINDS, pages_of, register_all, scan_page
from eval.filled_forms import Form
from eval.product import Product, open_product
from eval.report import Figure, print_table
from eval.selection import as_part
from eval.split import Part
from orchestrator.forms.definition import FieldDefinition, ValueType
from orchestrator.forms.frame import POINTS_PER_INCH
from orchestrator.forms.pdf_form import read_pages
from orchestrator.reading import vocabulary
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.orchestrator.v1 import document_pb2 as documents

Corners = NDArray[np.float64]


@dataclass
class PlaceScore:
    """Places to sign, counted.

    Attributes:
        fields, found: fields, and those that a place was told of.
        signed, signed_right: fields that were signed, and those told so.
        empty, empty_right: the same of those left empty.
        bare_pages, alarms: pages that have none, and places told there.
    """

    fields: int = 0
    found: int = 0
    signed: int = 0
    signed_right: int = 0
    empty: int = 0
    empty_right: int = 0
    bare_pages: int = 0
    alarms: int = 0

    def add(self, places: list[tuple[Corners, bool]], page: documents.PageResult) -> None:
        """Count a page.

        Args:
            places: corners (4, 2) in pixels of the page of each field to sign, and whether it is.
            page: what the product says.
        """
        told = [f for f in page.fields if f.kind == documents.FIELD_KIND_SIGNATURE]
        if not places:
            self.bare_pages += 1
            self.alarms += len(told)
        for corners, is_signed in places:
            here = [one for one in told if one.HasField("quad") and _is_same(corners, one.quad)]
            right = bool(here) and any(one.value == "true" for one in here) == is_signed
            self.fields += 1
            self.found += bool(here)
            self.signed += is_signed
            self.empty += not is_signed
            self.signed_right += right and is_signed
            self.empty_right += right and not is_signed

    def figures(self) -> dict[str, Figure]:
        """A row of the table."""
        return {
            "fields": self.fields,
            "found": _share(self.found, self.fields),
            "signed": self.signed,
            "signed right": _share(self.signed_right, self.signed),
            "empty": self.empty,
            "empty right": _share(self.empty_right, self.empty),
            "on pages without": f"{self.alarms} on {self.bare_pages}",
        }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _is_same(corners: Corners, quad: Quad) -> bool:
    points = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    other = np.array([(point.x, point.y) for point in points])
    return _holds(corners, other.mean(axis=0)) or _holds(other, corners.mean(axis=0))


def _holds(corners: Corners, point: Corners) -> bool:
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool((low <= point).all() and (point <= high).all())


def chosen_pages(
    forms: list[tuple[str, Form]], bare: int
) -> list[tuple[Form, int, list[FieldDefinition]]]:
    """Pages with fields to sign, and so many, evenly spread, that speak of no signature."""
    with_fields, without = [], []
    for _, form in forms:
        printed = read_pages(form.blank)
        for number in pages_of(form, len(printed)):
            fields = [
                field
                for field in form.definition.fields
                if field.page == number and field.type is ValueType.SIGNATURE
            ]
            text = " ".join(word.text for word in printed[number - 1].words)
            if fields:
                with_fields.append((form, number, fields))
            elif not _speaks_of_signing(text):
                without.append((form, number, fields))
    return with_fields + without[:: max(1, -(-len(without) // max(bare, 1)))][:bare]


def _speaks_of_signing(text: str) -> bool:
    is_place = vocabulary.pattern("signature").search(text) is not None
    return is_place or re.search(r"\bsign", text, re.IGNORECASE) is not None


async def measure(arguments: argparse.Namespace) -> None:
    """Print a row for clean and one for noisy scans."""
    scores = {kind: PlaceScore() for kind in arguments.scans}
    with tempfile.TemporaryDirectory(prefix="pagemesh-places-") as folder:
        forms = register_all(
            arguments.data, as_part(arguments.part), Path(folder), arguments.families
        )
        chosen = chosen_pages(forms, arguments.bare)
        async with open_product(["fields"]) as product:
            for form, number, fields in chosen:
                for kind, score in scores.items():
                    await _add(score, product, form, number, fields, kind)
    print_table(
        "places to sign", [{"scans": kind, **score.figures()} for kind, score in scores.items()]
    )


async def _add(
    score: PlaceScore,
    product: Product,
    form: Form,
    number: int,
    fields: list[FieldDefinition],
    kind: str,
) -> None:
    scanned = scan_page(form, number, kind)
    _, (page, *_) = await product.read(scanned.file)
    scale = scanned.dpi / POINTS_PER_INCH
    places = []
    for field in fields:
        if field.rect is None:
            raise ValueError(f"{field.name} has no place")
        box = field.rect
        on_page = scanned.scan.map_box(
            (box.left * scale, box.top * scale, box.width * scale, box.height * scale)
        )
        places.append((on_page, scanned.filled.truth[field.name] == "true"))
    score.add(places, page)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--part", choices=[*map(str, Part), "all"], default="all")
    parser.add_argument("--families", nargs="+", default=[], help="of forms; all when omitted")
    parser.add_argument("--scans", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--bare", type=int, default=8, help="pages without places to sign, at most")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()

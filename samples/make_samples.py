"""Make the sample documents and their truth: `python -m samples.make_samples [FOLDER]`.

Blank IRS forms are filled in by an invented hand, other pages are composed, and all are scanned by
`training.scan`. Seeds are fixed: a second run gives the same pixels.
"""

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from samples.people import ANA, BEN, CHI, Person
from training.compose import invoice, receipt
from training.forms import FilledForm, fill_form, open_form
from training.ink import BLACK_PEN, Box, Colour, Page, Word, draw_signature
from training.scan import Scan, ScanSettings, simulate_scan
from training.sheet import Sheet

HERE = Path(__file__).parent
FORMS = HERE / "forms"
INTAKE = FORMS / "f13614c-TY2024.pdf"
RETURN = FORMS / "f1040-TY2021.pdf"
CONSENT = FORMS / "f15080-TY2021.pdf"
MADE_ON = time.struct_time((2025, 1, 1, 0, 0, 0, 2, 1, 0))


@dataclass(slots=True)
class SamplePage:
    """A scanned page with its truth.

    Attributes:
        truth: what `truth.json` says of the page; all geometry in the scan's pixels.
    """

    image: Page
    truth: dict[str, Any] = field(default_factory=dict)


def main(folder: Path = HERE) -> None:
    """Write every sample and `truth.json` into `folder`."""
    documents = {
        "application_form.pdf": application_form(),
        "skewed.png": [scan_form(intake_people(ANA, 21), dpi=150, skew=5.3, seed=21)],
        "upside_down.jpg": [scan_form(tax_return(BEN, 31), dpi=150, turn=180, skew=0.8, seed=31)],
        "ticked_and_signed.png": [scan_form(signed_return(CHI, 41), dpi=150, skew=-0.6, seed=41)],
        "wrong_type.png": [scan_sheet(letter(150), "letter", 51)],
        "receipt.jpg": [scan_sheet(receipt(np.random.default_rng(64), 150), "receipt", 61)],
        "twenty_pages.pdf": twenty_pages(),
        "pages.tiff": mixed_pages(),
    }
    for name, pages in documents.items():
        save(folder / name, [page.image for page in pages])
        print(f"{name}: {len(pages)} pages, {(folder / name).stat().st_size / 1e3:.0f} kB")
    truth = {name: {"pages": [p.truth for p in pages]} for name, pages in documents.items()}
    text = json.dumps(truth, indent=1, ensure_ascii=False)
    (folder / "truth.json").write_text(_short_lists(text) + "\n", encoding="utf-8")


def application_form() -> list[SamplePage]:
    """Three sheets of one application: who it is, their income, the signed consent."""
    forms = [intake_people(ANA, 11, 200), intake_income(ANA, 12, 200), consent(ANA, 13, 200)]
    skews = (0.7, -0.4, 1.1)
    return [
        scan_form(form, dpi=200, skew=skew, seed=seed)
        for seed, (form, skew) in enumerate(zip(forms, skews, strict=True))
    ]


def twenty_pages() -> list[SamplePage]:
    """A 1-bit batch as a copier sends it: three applicants' forms, a letter and an invoice."""
    pages: list[SamplePage] = []
    for number, person in enumerate((ANA, BEN, CHI)):
        seed = 100 + 10 * number
        forms = [
            intake_people(person, seed),
            intake_income(person, seed + 1),
            consent(person, seed + 2),
            tax_return(person, seed + 3),
            signed_return(person, seed + 4),
            intake_blank(3, seed + 5),
        ]
        skews = np.random.default_rng(seed).uniform(-1.5, 1.5, len(forms))
        pages += [
            scan_form(form, dpi=150, skew=round(float(skew), 2), bilevel=True, seed=seed + i)
            for i, (form, skew) in enumerate(zip(forms, skews, strict=True))
        ]
    pages.append(scan_sheet(letter(150), "letter", 140, bilevel=True))
    sheet = invoice(np.random.default_rng(7), 150)
    pages.append(scan_sheet(sheet, "invoice", 141, bilevel=True))
    return pages


def mixed_pages() -> list[SamplePage]:
    """Three fax-like pages: a form, a signed page, a letter."""
    return [
        scan_form(intake_people(BEN, 71), dpi=200, skew=-1.2, bilevel=True, seed=71),
        scan_form(consent(BEN, 72), dpi=200, skew=0.5, bilevel=True, seed=72),
        scan_sheet(letter(200), "letter", 73, bilevel=True),
    ]


def intake_people(person: Person, seed: int, dpi: float = 150) -> FilledForm:
    """Form 13614-C, page 1: names, address, boxes."""
    return _fill(INTAKE, 1, dpi, person, seed, person.identity, person.boxes)


def intake_income(person: Person, seed: int, dpi: float = 150) -> FilledForm:
    """Form 13614-C, page 2: income boxes."""
    return _fill(INTAKE, 2, dpi, person, seed, {"howManyJobs": person.jobs}, person.income)


def intake_blank(number: int, seed: int, dpi: float = 150) -> FilledForm:
    """A page of Form 13614-C that nobody filled in."""
    return fill_form(open_form(INTAKE, number, dpi), {}, {}, {}, np.random.default_rng(seed))


def consent(person: Person, seed: int, dpi: float = 150) -> FilledForm:
    """Form 15080: a signed and dated consent."""
    values = {"primary_consented_at": person.signed_on}
    signed = {"primary_legal_name": person.name}
    return _fill(CONSENT, 1, dpi, person, seed, values, {}, signed)


def tax_return(person: Person, seed: int, dpi: float = 150) -> FilledForm:
    """Form 1040, page 1. Only what stands on the first third is filled."""
    return _fill(RETURN, 1, dpi, person, seed, person.return_values, person.return_boxes)


def signed_return(person: Person, seed: int, dpi: float = 150) -> FilledForm:
    """Form 1040, page 2: sums, boxes, a signature."""
    values = person.sums | {"PrimarySignatureDate": person.signed_on, "PhoneNumber": person.phone}
    boxes = {"HasOtherFormInd16_3": "check", "QualifiedFosterOrHomelessYouth": "cross"}
    return _fill(RETURN, 2, dpi, person, seed, values, boxes, {"PrimarySignature": ""})


def letter(dpi: float) -> Sheet:
    """A letter that asks about an application, and is none."""
    sheet = Sheet(612, 792, dpi, face="tinos")
    sheet.text(72, 84, "Harbor Street Community Clinic", 20, bold=True)
    sheet.text(72, 100, "18 Harbor Street, Fairhaven - Tel 555 0142", 9)
    sheet.rule(72, 108, 540, 108, 1)
    y = 150.0
    for line in ("October 14, 2024", "", "Mr Ben Lindqvist", "7 Mill Road", "Northbridge", ""):
        sheet.text(72, y, line, 11.5)
        y += 15
    sheet.text(72, y, "Dear Mr Lindqvist,", 11.5)
    y += 26
    for paragraph in _LETTER:
        y = sheet.paragraph(72, y, 468, paragraph, 11.5, leading=1.3) + 10
    sheet.text(72, y + 10, "Yours sincerely,", 11.5)
    area = sheet.pixels((72, y + 16, 140, 40))
    signature = draw_signature(sheet.image, area, np.random.default_rng(5), BLACK_PEN)
    sheet.signatures.append(signature)
    sheet.text(72, y + 74, "Dr Elena Costa", 11.5)
    sheet.text(72, y + 89, "Head of Reception", 11.5)
    return sheet


_LETTER = (
    (
        "Thank you for your call of last Tuesday about the winter opening hours of our clinic. "
        "From the first of November the reception will be open from eight in the morning until "
        "six in the evening on every working day, and from nine until noon on Saturdays."
    ),
    (
        "You also asked whether your neighbours can use the new entrance on the river side. "
        "They can, but the lift there will be out of service until the middle of December, so "
        "visitors with a wheelchair should still come in through the main door, where a "
        "colleague will be glad to help them."
    ),
    (
        "The talk on healthy sleep that you missed in September will be given again on the "
        "twentieth of November. There is no need to register and no charge. If more people come "
        "than the room holds, we will repeat it on the following day."
    ),
    (
        "Please do not hesitate to ring us should anything be unclear. We look forward to "
        "seeing you."
    ),
)


def scan_form(
    filled: FilledForm,
    *,
    dpi: float,
    seed: int,
    skew: float = 0.0,
    turn: int = 0,
    bilevel: bool = False,
) -> SamplePage:
    """Scan a filled form and map its truth."""
    settings = _scanner(skew, turn, bilevel)
    scan = simulate_scan(filled.image, settings, np.random.default_rng(seed))
    truth = _page_truth(scan, settings, "tax_form", dpi)
    truth["fields"] = filled.values
    truth["words"] = _words(scan, filled.words)
    truth["checkboxes"] = [
        {"name": item.name, "quad": _quad(scan, item.box), "checked": checked}
        for item, checked in filled.checkboxes
    ]
    truth["checkboxes_complete"] = filled.boxes_complete
    truth["signatures"] = [{"quad": _quad(scan, box)} for box in filled.signatures]
    return SamplePage(scan.image, truth)


def scan_sheet(sheet: Sheet, kind: str, seed: int, *, bilevel: bool = False) -> SamplePage:
    """Scan a composed page and map its truth."""
    rng = np.random.default_rng(seed)
    settings = _scanner(round(float(rng.uniform(-0.8, 0.8)), 2), 0, bilevel)
    scan = simulate_scan(sheet.image, settings, rng)
    truth = _page_truth(scan, settings, kind, sheet.dpi)
    truth["words"] = _words(scan, sheet.words)
    truth["checkboxes"] = []
    truth["checkboxes_complete"] = True
    truth["signatures"] = [{"quad": _quad(scan, box)} for box in sheet.signatures]
    return SamplePage(scan.image, truth)


def save(path: Path, images: Sequence[Page]) -> None:
    """Write pages in the format of the file's ending; pages without grey are stored 1-bit."""
    frames = [_frame(image) for image in images]
    first, rest = frames[0], frames[1:]
    if path.suffix == ".pdf":
        encoder: dict[str, Any] = {} if first.mode == "1" else {"quality": 55}
        encoder |= {"creationDate": MADE_ON, "modDate": MADE_ON, "resolution": _dpi_of(path.name)}
        first.save(path, save_all=True, append_images=rest, **encoder)
    elif path.suffix == ".tiff":
        first.save(path, save_all=True, append_images=rest, compression="group4", dpi=(200, 200))
    elif path.suffix == ".jpg":
        first.save(path, quality=70, dpi=(150, 150))
    else:
        first.save(path, optimize=True, dpi=(150, 150))


def _dpi_of(name: str) -> float:
    return 200.0 if name.startswith("application") else 150.0


def _frame(image: Page) -> PilImage.Image:
    if np.isin(image[::7, ::7], (0, 255)).all():
        return PilImage.fromarray(image[..., 0]).point(lambda v: 255 * (v > 127), "1")
    if np.array_equal(image[..., 0], image[..., 2]):
        return PilImage.fromarray(image[..., 0])
    return PilImage.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _fill(
    form: Path,
    number: int,
    dpi: float,
    person: Person,
    seed: int,
    values: dict[str, str],
    ticked: dict[str, str],
    signed: dict[str, str] | None = None,
) -> FilledForm:
    colour: Colour = person.pen
    rng = np.random.default_rng(seed)
    blank = open_form(form, number, dpi)
    filled = fill_form(blank, values, ticked, signed or {}, rng, hand=person.hand, colour=colour)
    filled.boxes_complete = form != RETURN  # Form 1040 prints boxes that are no fields of its PDF
    return filled


def _scanner(skew: float, turn: int, bilevel: bool) -> ScanSettings:
    return ScanSettings(
        skew_degrees=skew,
        orientation=turn,
        grow=abs(skew) > 3,
        blur_sigma=0.5,
        noise_sigma=1.5,
        shade=0.03,
        specks=2.0,
        grey=True,
        bilevel=bilevel,
    )


def _page_truth(scan: Scan, settings: ScanSettings, kind: str, dpi: float) -> dict[str, Any]:
    return {
        "class": kind,
        "width": scan.image.shape[1],
        "height": scan.image.shape[0],
        "dpi": dpi,
        "skew_degrees": settings.skew_degrees,
        "orientation": settings.orientation,
    }


def _words(scan: Scan, words: Sequence[Word]) -> list[dict[str, Any]]:
    return [{"text": word.text, "quad": _quad(scan, word.box)} for word in words]


def _quad(scan: Scan, box: Box) -> list[float]:
    corners: NDArray[np.float64] = scan.map_box(box)
    return [round(float(v), 1) for v in corners.ravel()]


def _short_lists(text: str) -> str:
    """JSON with each list of numbers on one line, so that a person can read the file."""
    return re.sub(r"\[[-\d.,\s]+\]", lambda found: " ".join(found.group().split()), text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

"""Which labelled pages may be looked at while a model is made, and which only judge it.

Half of every set's groups are for tuning (thresholds, choices, looking at what fails), half are for
validation: figures that are shown come from these. A group is what resembles itself: the pages of
one form family, of one letter, of one questionnaire. A set that shows a single form is all for
validation, so that a model tuned on the other sets is judged on a form that it never met.
"""

import hashlib
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

LETTER_NAME_LENGTH = 8
"""Pages of one Tobacco800 document share as many first letters of their names."""
SINGLE_FORM_SETS = ("checkbox_crc_survey", "checkbox_sdaps", "checkbox_answer_sheets")
LETTER_SETS = ("tobacco_signatures", "signature_pages_640")
FAMILY_SETS = ("gov_forms_scansim", "gov_form_templates")
VALIDATION_FAMILIES = frozenset(
    {"d400", "d400-schedule-s", "idform40", "it214", "md502b", "mdel101", "id-vp", "idform8879"}
)
"""Government forms that no detector is trained on; the detectors train on all other families."""


class Part(StrEnum):
    """What a labelled page is for."""

    TUNING = "tuning"
    VALIDATION = "validation"


def part_of(set_name: str, label: dict[str, Any]) -> Part:
    """The part of a labelled page: the same on every machine, whatever else the set holds.

    Args:
        set_name: the name of the set's folder.
        label: the page's line of `labels.jsonl`; `file`, and `doc_class` in sets of form families.
    """
    if set_name in SINGLE_FORM_SETS:
        return Part.VALIDATION
    name = PurePosixPath(label["file"]).name
    if set_name in FAMILY_SETS:
        name = label["doc_class"]
    elif set_name in LETTER_SETS:
        name = name[:LETTER_NAME_LENGTH]
    even = hashlib.sha256(name.encode()).digest()[0] % 2 == 0
    return Part.TUNING if even else Part.VALIDATION


def detector_part_of(set_name: str, label: dict[str, Any]) -> Part:
    """The part of a page for checkboxes and signatures, whose networks saw most form families."""
    if set_name in FAMILY_SETS:
        return Part.VALIDATION if label["doc_class"] in VALIDATION_FAMILIES else Part.TUNING
    return part_of(set_name, label)

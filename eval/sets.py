"""The labelled sets that each model is measured on, and what their classes are called."""

from typing import Any

OCR = ("funsd_forms", "gov_forms_scansim", "sroie_receipts")
DESKEW = (
    "gov_forms_scansim",
    "funsd_forms",
    "sroie_receipts",
    "checkbox_crc_survey",
    "checkbox_sdaps",
    "checkbox_answer_sheets",
    "tobacco_signatures",
)
CHECKBOX = (
    "gov_forms_scansim",
    "checkbox_forms_mixed",
    "checkbox_crc_survey",
    "checkbox_sdaps",
    "checkbox_answer_sheets",
    "funsd_forms",
)
SIGNATURE = ("tobacco_signatures", "signature_pages_640", "funsd_forms", "checkbox_forms_mixed")

FORMS = ("application_form", "form", "survey", "tax_form")
"""Classes of pages made to be filled in: those that the `application_form` pipeline reads."""
WHOLE_SETS = {
    "funsd_forms": "form",
    "gov_forms_scansim": "tax_form",
    "checkbox_crc_survey": "survey",
    "checkbox_sdaps": "survey",
    "sroie_receipts": "receipt",
}
"""Sets of one class, whatever finer ones their labels name."""
CLASSIFY = ("doc_class_mixed", *WHOLE_SETS)
KNOWN = frozenset({*OCR, *DESKEW, *CHECKBOX, *SIGNATURE, *CLASSIFY})
"""A set of another name is for every model whose labels it has."""


def class_of(set_name: str, label: dict[str, Any]) -> str:
    """The class that a labelled page should get."""
    return WHOLE_SETS.get(set_name) or str(label.get("doc_class"))

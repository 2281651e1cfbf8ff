"""The labelled sets that each model is measured on, and what their classes are called."""

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

FORM = "application_form"
CLASSES = {
    "application_form": FORM,
    "form": FORM,
    "tax_form": FORM,
    "survey": FORM,
    "letter": "letter",
    "memo": "letter",
    "scientific_publication": "article",
    "newspaper": "article",
    "handwritten": "handwritten",
    "presentation": "presentation",
    "receipt": "receipt",
    "invoice": "invoice",
    "bank_statement": "statement",
    "paystub": "statement",
    "id_card": "id_card",
}
"""The model's own class for each class that labels name."""
WHOLE_SETS = {
    "funsd_forms": FORM,
    "gov_forms_scansim": FORM,
    "checkbox_crc_survey": FORM,
    "checkbox_sdaps": FORM,
    "sroie_receipts": "receipt",
}
"""Sets of one class, whatever finer ones their labels name."""
CLASSIFY = ("doc_class_mixed", *WHOLE_SETS)

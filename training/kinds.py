"""The kinds of page that are no forms, each with everything that draws it."""

from training import assembled, compose
from training.compose import Composer

KINDS: dict[str, list[Composer]] = {
    "letter": [compose.letter, compose.memo, assembled.office_letter, assembled.office_letter],
    "article": [compose.article, assembled.report_page],
    "invoice": [compose.invoice, assembled.bill],
    "statement": [compose.statement, assembled.account_page],
    "receipt": [compose.receipt, assembled.till_slip, assembled.till_slip],
    "handwritten": [compose.handwritten, assembled.jotting],
    "presentation": [compose.presentation, assembled.slide],
    "id_card": [compose.id_card],
}

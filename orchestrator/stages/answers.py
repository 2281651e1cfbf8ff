"""What the steps before found on a page, for the steps that put it together."""

from dataclasses import dataclass, field

from orchestrator.stages.base import StageContext
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1.document_pb2 import FormMatch
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult


@dataclass(slots=True)
class Answers:
    """The last answer of each kind.

    Attributes:
        ocr: empty when nobody read the page.
        checkbox, signature: None when nobody looked for them.
        form: empty when nobody looked for a registered form.
    """

    ocr: OcrResult = field(default_factory=OcrResult)
    checkbox: CheckboxResult | None = None
    signature: SignatureResult | None = None
    form: FormMatch = field(default_factory=FormMatch)


def answers_before(context: StageContext) -> Answers:
    """The answers of the steps before this one."""
    answers = Answers()
    for value in context.results.values():
        match value:
            case OcrResult():
                answers.ocr = value
            case CheckboxResult():
                answers.checkbox = value
            case SignatureResult():
                answers.signature = value
            case FormMatch():
                answers.form = value
    return answers

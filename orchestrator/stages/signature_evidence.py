"""Weighs found signatures by what was read on the page. Asks no model."""

import asyncio

from pydantic import Field

from orchestrator.facts import declared_facts
from orchestrator.reading.layout import Upright, read_tokens, upright_words
from orchestrator.reading.signature_scores import weigh
from orchestrator.stages.answers import answers_before
from orchestrator.stages.base import StageConfig, StageContext, StageFactory, StageResult
from orchestrator.stages.model_stage import upright_transform
from pagemesh.common.v1.geometry_pb2 import UprightTransform
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult


class SignatureEvidenceConfig(StageConfig):
    """Options of the signature_evidence step."""

    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    """Signatures whose score is lower once they were weighed are left out."""


class SignatureEvidenceStage:
    """Works on the answers of the signature and OCR steps before it."""

    async def run(self, context: StageContext) -> StageResult:
        """The signatures with new scores, best first; with the model's own where nothing was
        read."""
        answers = answers_before(context)
        signature = answers.signature or SignatureResult()
        weighed = await asyncio.to_thread(
            weighed_signatures, signature, answers.ocr, upright_transform(context)
        )
        threshold = context.options.threshold
        kept = [one for one in weighed.signatures if one.score >= threshold]
        return StageResult(SignatureResult(signatures=kept))


def weighed_signatures(
    signature: SignatureResult, ocr: OcrResult, transform: UprightTransform | None
) -> SignatureResult:
    """All signatures with the scores that they have once the page was read, best first.

    Args:
        signature, ocr: what the models found on the page.
        transform: sets the page upright; None for a page that is.
    """
    upright = Upright(transform)
    tokens = upright_words(read_tokens(ocr, upright))
    boxes = upright.boxes([one.quad for one in signature.signatures])
    result = SignatureResult(signatures=signature.signatures)
    scores = weigh(boxes, [one.score for one in signature.signatures], tokens)
    for one, score in zip(result.signatures, scores, strict=True):
        one.score = score
    result.signatures.sort(key=lambda one: -one.score)
    return result


FACTORY = StageFactory(
    build=lambda _models: SignatureEvidenceStage(),
    config=SignatureEvidenceConfig,
    slot="signature",
    facts=declared_facts(SignatureResult),
)

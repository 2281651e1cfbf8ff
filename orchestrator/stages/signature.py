"""Asks the signature model for the page's signatures."""

from pydantic import Field

from orchestrator.stages.base import StageConfig
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.signature.v1.signature_service_pb2 import (
    DetectSignaturesRequest,
    SignatureOptions,
    SignatureResult,
)
from pagemesh.signature.v1.signature_service_pb2_grpc import SignatureServiceStub


class SignatureConfig(StageConfig):
    """Options of the signature step."""

    threshold: float = Field(default=0.0, ge=0.0, le=1.0)
    """Signatures with a lower score are left out; 0 takes the server's default."""


FACTORY = model_factory(
    ModelContract(
        model="signature",
        stub=SignatureServiceStub,
        method="DetectSignatures",
        request=DetectSignaturesRequest,
        result=SignatureResult,
        options=lambda config: SignatureOptions(threshold=config.threshold),
        quads=lambda result: (signature.quad for signature in result.signatures),
        scores=lambda result: (signature.score for signature in result.signatures),
    ),
    SignatureConfig,
)

"""Between the contract `pagemesh.signature.v1` and the signature model."""

from meshkit.errors import InvalidInput
from meshkit.serving import PageGeometry, PageService
from pagemesh.common.v1 import geometry_pb2
from pagemesh.signature.v1 import signature_service_pb2 as pb
from pagemesh.signature.v1 import signature_service_pb2_grpc as pb_grpc
from servers.signature.config import SignatureConfig
from servers.signature.model import SignatureModel, SignatureOptions, SignatureResult


def create_model(config: SignatureConfig) -> SignatureModel:
    """The model, not yet loaded."""
    return SignatureModel(config)


def parse_options(options: pb.SignatureOptions) -> SignatureOptions:
    """The options; 0 as threshold means that none is named.

    Raises:
        InvalidInput: the threshold lies outside [0, 1].
    """
    if not 0 <= options.threshold <= 1:
        raise InvalidInput(
            f"options.threshold must lie in [0, 1], not {options.threshold:g}",
            metadata={"field": "options.threshold"},
        )
    return SignatureOptions(threshold=options.threshold or None)


def build_result(result: SignatureResult, geometry: PageGeometry) -> pb.SignatureResult:
    """The signatures in the contract's terms."""
    return pb.SignatureResult(
        signatures=[
            pb.Signature(
                quad=geometry_pb2.Quad(**geometry.quad(signature.quad)), score=signature.score
            )
            for signature in result
        ]
    )


SERVICE = PageService(
    service_name="pagemesh.signature.v1.SignatureService",
    add_to_server=pb_grpc.add_SignatureServiceServicer_to_server,
    parse_options=parse_options,
    build_result=build_result,
)

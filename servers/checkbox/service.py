"""Between the contract `pagemesh.checkbox.v1` and the checkbox model."""

from meshkit.errors import InvalidInput
from meshkit.serving import PageGeometry, PageService
from pagemesh.checkbox.v1 import checkbox_service_pb2 as pb
from pagemesh.checkbox.v1 import checkbox_service_pb2_grpc as pb_grpc
from pagemesh.common.v1 import geometry_pb2
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import CheckboxModel, CheckboxOptions, CheckboxResult, Shape

SHAPES = {
    Shape.SQUARE: pb.CHECKBOX_SHAPE_SQUARE,
    Shape.CIRCLE: pb.CHECKBOX_SHAPE_CIRCLE,
}


def create_model(config: CheckboxConfig) -> CheckboxModel:
    """The model, not yet loaded."""
    return CheckboxModel(config)


def parse_options(options: pb.CheckboxOptions) -> CheckboxOptions:
    """The options; 0 as threshold means that none is named.

    Raises:
        InvalidInput: the threshold lies outside [0, 1].
    """
    if not 0 <= options.threshold <= 1:
        raise InvalidInput(
            f"options.threshold must lie in [0, 1], not {options.threshold:g}",
            metadata={"field": "options.threshold"},
        )
    return CheckboxOptions(threshold=options.threshold or None)


def build_result(result: CheckboxResult, geometry: PageGeometry) -> pb.CheckboxResult:
    """The boxes in the contract's terms."""
    return pb.CheckboxResult(
        checkboxes=[
            pb.Checkbox(
                quad=geometry_pb2.Quad(**geometry.quad(box.quad)),
                checked=box.checked,
                score=box.score,
                checked_score=box.checked_score,
                shape=SHAPES[box.shape],
            )
            for box in result
        ]
    )


SERVICE = PageService(
    service_name="pagemesh.checkbox.v1.CheckboxService",
    add_to_server=pb_grpc.add_CheckboxServiceServicer_to_server,
    parse_options=parse_options,
    build_result=build_result,
)

"""Between the contract `pagemesh.deskew.v1` and the deskew model."""

import numpy as np

from meshkit.serving import PageGeometry, PageService
from pagemesh.common.v1 import geometry_pb2, page_pb2
from pagemesh.deskew.v1 import deskew_service_pb2 as pb
from pagemesh.deskew.v1 import deskew_service_pb2_grpc as pb_grpc
from servers.deskew.config import DeskewConfig
from servers.deskew.model import DeskewModel, DeskewOptions, DeskewResult
from servers.deskew.quality import PageQuality

ORIENTATIONS = {
    None: pb.ORIENTATION_UNSPECIFIED,
    0: pb.ORIENTATION_UP,
    1: pb.ORIENTATION_RIGHT,
    2: pb.ORIENTATION_DOWN,
    3: pb.ORIENTATION_LEFT,
}


def create_model(config: DeskewConfig) -> DeskewModel:
    """The model, not yet loaded."""
    return DeskewModel(config)


def parse_options(options: pb.DeskewOptions) -> DeskewOptions:
    """Any `DeskewOptions` is valid."""
    return DeskewOptions(include_upright_page=options.include_upright_page)


def build_result(result: DeskewResult, geometry: PageGeometry) -> pb.DeskewResult:
    """The answer in the contract's terms.

    When the request carried an upright transform, skew and orientation are those that are left
    after it, and the answer's transform is both in one.
    """
    message = pb.DeskewResult(
        skew_degrees=result.skew_degrees,
        skew_confidence=result.skew_confidence,
        orientation=ORIENTATIONS[result.quarters],
        orientation_confidence=result.orientation_confidence,
        upright_transform=geometry_pb2.UprightTransform(
            **geometry.upright_transform(result.transform)
        ),
        quality=_quality(result.quality, geometry),
    )
    if result.upright_png is not None:
        message.upright_page.CopyFrom(page_pb2.EncodedImage(data=result.upright_png))
    return message


def _quality(quality: PageQuality, geometry: PageGeometry) -> pb.PageQuality:
    scale = np.sqrt(abs(np.linalg.det(geometry.transform.matrix[:2, :2])))
    return pb.PageQuality(
        blur=quality.blur,
        darkness=quality.darkness,
        contrast=quality.contrast,
        text_height_pixels=quality.text_height / scale,
        cut_off=quality.cut_off,
        ink_coverage=quality.ink_coverage,
        noise=quality.noise,
        faintness=quality.faintness,
        glare=quality.glare,
        perspective_degrees=quality.perspective_degrees,
    )


SERVICE = PageService(
    service_name="pagemesh.deskew.v1.DeskewService",
    add_to_server=pb_grpc.add_DeskewServiceServicer_to_server,
    parse_options=parse_options,
    build_result=build_result,
)

"""Between the contract `pagemesh.classify.v1` and the classifier."""

from meshkit.errors import InvalidInput
from meshkit.serving import PageGeometry, PageService
from pagemesh.classify.v1 import classify_service_pb2 as pb
from pagemesh.classify.v1 import classify_service_pb2_grpc as pb_grpc
from servers.classify.config import ClassifyConfig
from servers.classify.model import ClassifyModel, ClassifyOptions, ClassifyResult
from servers.classify.page_vector import PageVector


def create_model(config: ClassifyConfig) -> ClassifyModel:
    """The model, not yet loaded."""
    return ClassifyModel(config)


def parse_options(options: pb.ClassifyOptions) -> ClassifyOptions:
    """The options; 0 as threshold means that none is named.

    Raises:
        InvalidInput: the threshold lies outside [0, 1].
    """
    if not 0 <= options.threshold <= 1:
        raise InvalidInput(
            f"options.threshold must lie in [0, 1], not {options.threshold:g}",
            metadata={"field": "options.threshold"},
        )
    return ClassifyOptions(
        threshold=options.threshold or None,
        lines=tuple(options.text_lines),
        with_features=options.with_features,
    )


def build_result(result: ClassifyResult, geometry: PageGeometry) -> pb.ClassifyResult:
    """The class in the contract's terms."""
    del geometry  # a class has no place on the page
    return pb.ClassifyResult(
        label=result.label,
        score=result.score,
        threshold=result.threshold,
        scores=_scores(result.scores),
        families=_scores(result.families),
        typicality=result.typicality,
        used_text=result.used_text,
        features=_features(result.features),
    )


def _scores(ranked: tuple[tuple[str, float], ...]) -> list[pb.ClassScore]:
    return [pb.ClassScore(label=label, score=score) for label, score in ranked]


def _features(vector: PageVector | None) -> pb.PageFeatures | None:
    if vector is None:
        return None
    return pb.PageFeatures(places=vector.places.tolist(), values=vector.values.tolist())


SERVICE = PageService(
    service_name="pagemesh.classify.v1.ClassifyService",
    add_to_server=pb_grpc.add_ClassifyServiceServicer_to_server,
    parse_options=parse_options,
    build_result=build_result,
)

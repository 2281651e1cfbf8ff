"""A small page model on a real contract, also as a process: `python -m tests.unit.meshkit.toy`."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerConfig, load_config
from meshkit.errors import InvalidInput, InvalidPage, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.server import run
from meshkit.serving import PageGeometry, PageService
from pagemesh.classify.v1 import classify_service_pb2 as pb
from pagemesh.classify.v1 import classify_service_pb2_grpc as pb_grpc


class ToyConfig(ServerConfig):
    model_config = SettingsConfigDict(env_prefix="PAGEMESH_TOY_")

    predict_seconds: float = Field(default=0, description="How long a batch takes.")
    load_error: str = Field(default="", description="Fail to load with this message.")
    label_bytes: int = Field(default=0, description="Length of every answer's label.")


@dataclass(frozen=True)
class ToyOptions:
    threshold: float


@dataclass(frozen=True)
class Brightness:
    mean: float
    label: str


class ToyModel(PageModel[ToyOptions, Brightness]):
    """Mean grey value. A page of 13 pixels' width is bad, one of 14 breaks the model."""

    def __init__(self, config: ToyConfig) -> None:
        self._config = config

    def load(self) -> ModelIdentity:
        if self._config.load_error:
            raise RuntimeError(self._config.load_error)
        return ModelIdentity("toy", "1.2.3", "sha256:70", "cpu")

    def predict(
        self, pages: Sequence[PageInput[ToyOptions]]
    ) -> Sequence[Brightness | PagemeshError]:
        if self._config.predict_seconds:
            threading.Event().wait(self._config.predict_seconds)
        return [self._answer(page) for page in pages]

    def _answer(self, page: PageInput[ToyOptions]) -> Brightness | PagemeshError:
        if page.image.shape[1] == 13:
            return InvalidPage("thirteen pixels wide")
        if page.image.shape[1] == 14:
            raise ValueError("secret of the model")
        label = "x" * self._config.label_bytes or "grey"
        return Brightness(float(page.image.mean()), label)


def parse_options(options: pb.ClassifyOptions) -> ToyOptions:
    if not 0 <= options.threshold <= 1:
        raise InvalidInput(
            f"options.threshold is {options.threshold}; it must be in [0, 1]",
            metadata={"field": "options.threshold"},
        )
    return ToyOptions(options.threshold)


def build_result(result: Brightness, geometry: PageGeometry) -> pb.ClassifyResult:
    del geometry
    return pb.ClassifyResult(label=result.label, score=result.mean)


SERVICE = PageService(
    "pagemesh.classify.v1.ClassifyService",
    pb_grpc.add_ClassifyServiceServicer_to_server,
    parse_options,
    build_result,
)


def main() -> None:
    config = load_config(ToyConfig)
    run(SERVICE, ToyModel(config), config)


if __name__ == "__main__":
    main()

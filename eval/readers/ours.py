"""Our own readers, asked by contract: `python -m eval.readers.ours NAME` serves one.

A model alone gets the page as sent, or the page with the transform that sets it upright, which the
deskew model found before and which is not counted. A reader that ends in `-pipeline` is the whole
way from the file's bytes through the orchestrator, with all steps that the model needs, and counts
them all.
"""

import argparse
import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from google.protobuf.message_factory import GetMessageClass

from eval.lines import PARTS, Line, page_line, unstretched
from eval.readers.child import PageFile, Reader, serve
from meshkit.inprocess import InProcessServer
from meshkit.model import Image
from meshkit.server import server_interceptors
from meshkit.serving import PageServicer
from orchestrator.documents.grey import as_grey_if_grey
from pagemesh.common.v1.geometry_pb2 import UprightTransform
from pagemesh.common.v1.page_pb2 import Page, PixelFormat, RawImage
from pagemesh.orchestrator.v1.document_pb2 import PageResult


class Model:
    """One model's servicer in this process."""

    def __init__(self, name: str, runner: asyncio.Runner) -> None:
        self.name = name
        self._runner = runner
        module = importlib.import_module(f"servers.{name}.service")
        config = getattr(
            importlib.import_module(f"servers.{name}.config"), f"{name.capitalize()}Config"
        )()
        service = module.SERVICE
        servicer: PageServicer[Any, Any] = PageServicer(
            service, module.create_model(config), config
        )
        server = InProcessServer(server_interceptors())
        servicer.add_to_server(server)
        runner.run(servicer.start())
        self._method = f"/{service.service_name}/{service.unary.name}"
        self._request = GetMessageClass(service.unary.input_type)
        self._channel = server.channel()

    def ask(self, page: Page, options: dict[str, Any]) -> Any:
        """The contract's result message. Raises grpc.aio.AioRpcError."""
        request = self._request(page=page, options=options)
        return self._runner.run(self._call(request)).result

    async def _call(self, request: Any) -> Any:
        return await self._channel.unary_unary(self._method)(request)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page as the contract wants it.

    Attributes:
        page: its pixels and the way to set it upright.
        size: width and height of the file in pixels.
    """

    page: Page
    size: tuple[int, int]


class ModelReader:
    """A model alone."""

    def __init__(self, model: str, **options: Any) -> None:
        self._model = Model(model, asyncio.Runner())
        self._options = options

    def prepare(self, page: PageFile) -> Prepared:
        content = Path(page.path).read_bytes()
        image, size = _decoded(content)
        if page.stretched:
            image, _ = _decoded(unstretched(content))
        message = _message(image, page.dpi)
        if page.upright:
            message.upright_transform.CopyFrom(UprightTransform(**page.upright))
        return Prepared(message, size)

    def ask(self, prepared: Prepared) -> Any:
        """The contract's result."""
        return self._model.ask(prepared.page, self._options)

    def read(self, prepared: Prepared) -> Line:
        result = self.ask(prepared)
        pixels = prepared.page.raw
        page = PageResult(width=pixels.width, height=pixels.height, **{self._model.name: result})
        return page_line(page, PARTS, prepared.size)


class UprightReader(ModelReader):
    """How a page is set upright, for readers that want it so."""

    def __init__(self) -> None:
        super().__init__("deskew")

    def read(self, prepared: Prepared) -> Line:
        transform = self.ask(prepared).upright_transform
        return {
            "matrix": list(transform.matrix),
            "width": transform.width,
            "height": transform.height,
        }


class PipelineReader:
    """The whole way.

    Args:
        part: of what is known of a page (`eval.lines.PARTS`).
        tier: of the text that is read for it.
    """

    def __init__(self, part: str, tier: str = "accurate") -> None:
        # Not at the top: a model alone holds no orchestrator in its memory.
        from eval import prediction, product  # noqa: PLC0415

        self._prediction = prediction
        self._part = part
        self._tier = tier
        self._runner = asyncio.Runner()
        self._opening = product.open_product([PARTS[part]])  # until the process ends
        self._product = self._runner.run(self._open())

    async def _open(self) -> Any:
        return await self._opening.__aenter__()

    def prepare(self, page: PageFile) -> PageFile:
        return page

    def read(self, prepared: PageFile) -> Line:
        path = Path(prepared.path)
        task = self._prediction.Task(path.name, stretched=prepared.stretched)
        reading = self._prediction.predict(
            self._product, path.parent, task, [self._part], self._tier
        )
        (line,) = self._runner.run(reading)
        if "error" in line:
            raise RuntimeError(line["error"])
        return line


def _decoded(content: bytes) -> tuple[Image, tuple[int, int]]:
    """Grey or BGR pixels, and width and height."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("not an image")
    height, width = image.shape[:2]
    return as_grey_if_grey(np.asarray(image, np.uint8)), (width, height)


def _message(image: Image, dpi: float) -> Page:
    is_grey = image.ndim == 2
    raw = RawImage(
        data=image.tobytes(),
        width=image.shape[1],
        height=image.shape[0],
        format=PixelFormat.PIXEL_FORMAT_GRAY8 if is_grey else PixelFormat.PIXEL_FORMAT_BGR24,
    )
    return Page(page_id="page", raw=raw, dpi=dpi)


READERS: dict[str, Callable[[], Reader]] = {
    "accurate": lambda: ModelReader("ocr", engine="OCR_ENGINE_PPOCR", tier="OCR_TIER_ACCURATE"),
    "fast": lambda: ModelReader("ocr", engine="OCR_ENGINE_PPOCR", tier="OCR_TIER_FAST"),
    "tesseract": lambda: ModelReader("ocr", engine="OCR_ENGINE_TESSERACT"),
    "accurate-pipeline": lambda: PipelineReader("words"),
    "deskew": lambda: ModelReader("deskew"),
    "upright": UprightReader,
    "checkbox": lambda: ModelReader("checkbox"),
    "signature": lambda: ModelReader("signature", threshold=0.05),
    "classify-pipeline": lambda: PipelineReader("doc_class", "fast"),
}


def main() -> None:
    """Load a reader and serve it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=READERS)
    serve(READERS[parser.parse_args().name]())


if __name__ == "__main__":
    main()

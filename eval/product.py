"""The whole product in this process, asked through its own contracts."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import grpc
import yaml

from meshkit.status import error_from_rpc
from pagemesh.embedded import embedded_channel
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub

PIPELINE = Path(__file__).with_name("predict.yaml")
CHUNK_BYTES = 1 << 20


class Product:
    """Orchestrator and models, with a pipeline that skips nothing."""

    def __init__(self, stub: OrchestratorServiceStub) -> None:
        self._stub = stub

    async def read(
        self, content: bytes, *, dpi: int = 0, options: Mapping[str, str] | None = None
    ) -> tuple[documents.Document, list[documents.PageResult]]:
        """A document's account and its pages by number.

        Args:
            content: the document's bytes.
            dpi: at which PDF pages are rasterised; 0 for the product's default.
            options: of steps, `{"ocr.tier": "fast"}`.

        Raises:
            PagemeshError: it was refused.
        """
        spec = pb.DocumentSpec(dpi=dpi, options=options or {})
        document, pages = documents.Document(), []
        try:
            async for response in self._stub.AnalyzeDocument(_requests(spec, content)):
                if response.HasField("page"):
                    pages.append(response.page)
                else:
                    document = response.document
        except grpc.aio.AioRpcError as error:
            raise error_from_rpc(error) from error
        return document, sorted(pages, key=lambda page: page.page_number)


@contextlib.asynccontextmanager
async def open_product(
    steps: Collection[str], environ: Mapping[str, str] | None = None
) -> AsyncIterator[Product]:
    """The product, with the pipeline of `predict.yaml` cut down to some steps.

    Args:
        steps: names of steps; those that they come after or are helped by run, too. A model that
            no step asks is never loaded.
        environ: `PAGEMESH_*` variables; this process's own when None.

    Raises:
        InvalidInput: a variable is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="pagemesh-eval-") as folder:
        pipeline = _write_pipeline(Path(folder), steps)
        variables = {
            **(os.environ if environ is None else environ),
            "PAGEMESH_ORCHESTRATOR_PIPELINES_DIR": folder,
            "PAGEMESH_ORCHESTRATOR_DEFAULT_PIPELINE": pipeline,
        }
        async with embedded_channel(variables) as channel:
            yield Product(OrchestratorServiceStub(channel))


def _write_pipeline(folder: Path, steps: Collection[str]) -> str:
    """Write the pipeline's definition with some of its steps; its name."""
    pipeline = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    wanted = set(steps)
    for step in reversed(pipeline["steps"]):  # each stands behind those that it comes after
        if step["name"] in wanted:
            wanted.update(step.get("after", []), step.get("helped_by", []))
    pipeline["steps"] = [step for step in pipeline["steps"] if step["name"] in wanted]
    (folder / PIPELINE.name).write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    return str(pipeline["name"])


async def _requests(
    spec: pb.DocumentSpec, content: bytes
) -> AsyncIterator[pb.AnalyzeDocumentRequest]:
    yield pb.AnalyzeDocumentRequest(spec=spec)
    for start in range(0, len(content), CHUNK_BYTES):
        yield pb.AnalyzeDocumentRequest(chunk=content[start : start + CHUNK_BYTES])

"""Records what this release sends, answers and keeps, for later ones to be held against.

`python -m tests.compatibility.record tests/compatibility/recorded/VERSION`, once, when a release is
made; the files are committed and never change. Models are fakes: what counts is the contract.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

from meshkit.testing import running_server
from orchestrator.testing import FakeMesh, running_orchestrator, tiff
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from scripts.generate_stubs import PROTOS
from scripts.lint_protos import build_image
from tests.compatibility import frames
from tests.integration.processes import hang_after

SERVICE = "/pagemesh.orchestrator.v1.OrchestratorService/"
MODELS = {
    "deskew": "/pagemesh.deskew.v1.DeskewService/DeskewPage",
    "classify": "/pagemesh.classify.v1.ClassifyService/ClassifyPage",
    "ocr": "/pagemesh.ocr.v1.OcrService/RecognizePage",
    "checkbox": "/pagemesh.checkbox.v1.CheckboxService/DetectCheckboxes",
    "signature": "/pagemesh.signature.v1.SignatureService/DetectSignatures",
}
PAGES = 2
DOCUMENT = tiff(PAGES, width=60, height=84)


def conversations() -> dict[str, tuple[str, Sequence[Any]]]:
    """By name: the method that is called, and the requests that are sent; in this order."""
    content = DOCUMENT
    spec = pb.DocumentSpec(
        request_id="analyzed",
        filename="form.tiff",
        pipeline="application_form",
        pages="1-2",
        dpi=200,
        options={"ocr.tier": "fast"},
    )
    spec.timeout.seconds = 60
    submitted = pb.DocumentSpec(request_id="submitted", pipeline="text", filename="form.tiff")
    return {
        "pipelines": ("ListPipelines", [pb.ListPipelinesRequest()]),
        "analyze": (
            "AnalyzeDocument",
            [
                pb.AnalyzeDocumentRequest(spec=spec),
                pb.AnalyzeDocumentRequest(chunk=content[:400]),
                pb.AnalyzeDocumentRequest(chunk=content[400:]),
            ],
        ),
        "submit": ("SubmitDocument", [pb.SubmitDocumentRequest(spec=submitted, content=content)]),
        "watch": ("WatchDocument", [pb.WatchDocumentRequest(request_id="submitted")]),
        "get": ("GetDocument", [pb.GetDocumentRequest(request_id="submitted", page_size=9)]),
        "cancel": ("CancelDocument", [pb.CancelDocumentRequest(request_id="submitted")]),
        "unknown": ("GetDocument", [pb.GetDocumentRequest(request_id="nobody")]),
    }


async def called(
    channel: grpc.aio.Channel, method: str, requests: Sequence[bytes]
) -> tuple[list[bytes], bytes]:
    """The answers' bytes, and those of the status' details; every kind of method is a stream."""
    call: Any = channel.stream_stream(method)(iter(requests))  # type: ignore[arg-type]
    try:
        answers = [bytes(answer) async for answer in call]
    except grpc.aio.AioRpcError as error:
        details = dict(error.trailing_metadata() or ())
        return [], bytes(details["grpc-status-details-bin"])
    return answers, b""


async def record(folder: Path) -> None:
    """Write everything but the kept documents."""
    with tempfile.TemporaryDirectory() as state:
        async with running_orchestrator(Path(state)) as running:
            async with grpc.aio.insecure_channel(running.address) as channel:
                for name, (method, messages) in conversations().items():
                    requests = [message.SerializeToString() for message in messages]
                    answers, details = await called(channel, SERVICE + method, requests)
                    frames.write(folder / f"orchestrator/{name}.requests", requests)
                    frames.write(folder / f"orchestrator/{name}.answers", answers)
                    if details:
                        (folder / f"orchestrator/{name}.status").write_bytes(details)
            await record_models(folder, running.mesh)


async def record_models(folder: Path, mesh: FakeMesh) -> None:
    """What models were asked about the analysed document, and what they answer."""
    async with running_server(mesh) as server:
        for name, method in MODELS.items():
            asked = [
                request.SerializeToString()
                for request in mesh[name].requests
                if request.page.page_id.startswith("analyzed")
            ]
            model: Any = server.channel.unary_unary(method)
            answers = [bytes(await model(each)) for each in asked]
            frames.write(folder / f"models/{name}.requests", asked)
            frames.write(folder / f"models/{name}.answers", answers)


async def record_state(folder: Path) -> None:
    """Keep one document that was read, and one that was cut off after its first page."""
    async with running_orchestrator(folder) as running:
        await running.analyze(DOCUMENT, request_id="done", pipeline="text")
        hang_after(running.mesh["ocr"], 1)
        spec = pb.DocumentSpec(request_id="cut", pipeline="text", filename="form.tiff")
        request = pb.SubmitDocumentRequest(spec=spec, content=DOCUMENT)
        await running.stub.SubmitDocument(request)
        while not await _finished(running, "cut"):  # noqa: ASYNC110 - it says no word of it
            await asyncio.sleep(0.05)


async def _finished(running: Any, name: str) -> int:
    answer = await running.stub.GetDocument(pb.GetDocumentRequest(request_id=name))
    return len(answer.pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only-state", action="store_true", help="of a layout of long ago")
    options = parser.parse_args()
    if not options.only_state:
        asyncio.run(record(options.folder))
        build_image(sorted(PROTOS.rglob("*.proto")), options.folder / "contracts.binpb")
    (options.folder / "state").mkdir(parents=True, exist_ok=True)
    asyncio.run(record_state(options.folder / "state"))


if __name__ == "__main__":
    main()

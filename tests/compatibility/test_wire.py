"""Bytes that release 0.1.0 sent and answered, against what is here now.

An old client is served by the orchestrator of now, and the client of now by an old orchestrator;
the same holds between orchestrator and models. `tests.compatibility.record` wrote the bytes.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from meshkit.client import open_channel
from meshkit.errors import NotFound
from meshkit.images import PageLimits, open_page
from meshkit.status import error_of
from meshkit.testing import running_server
from orchestrator.app import create_orchestrator
from orchestrator.config import OrchestratorConfig
from orchestrator.testing import running_orchestrator
from pagemesh.aio import AsyncClient
from pagemesh.checkbox.v1 import checkbox_service_pb2 as checkbox_pb
from pagemesh.classify.v1 import classify_service_pb2 as classify_pb
from pagemesh.deskew.v1 import deskew_service_pb2 as deskew_pb
from pagemesh.ocr.v1 import ocr_service_pb2 as ocr_pb
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from pagemesh.signature.v1 import signature_service_pb2 as signature_pb
from scripts.generate_stubs import PROTOS
from scripts.lint_protos import RELEASED, build_image
from tests.compatibility import frames
from tests.compatibility.played import Reply, played
from tests.compatibility.record import DOCUMENT, MODELS, PAGES, SERVICE, called, conversations

OLD = Path(__file__).parent / "recorded/0.1.0"
ANSWERS: dict[str, Callable[[bytes], Message]] = {
    "ListPipelines": pb.ListPipelinesResponse.FromString,
    "AnalyzeDocument": pb.AnalyzeDocumentResponse.FromString,
    "SubmitDocument": pb.SubmitDocumentResponse.FromString,
    "WatchDocument": pb.WatchDocumentResponse.FromString,
    "GetDocument": pb.GetDocumentResponse.FromString,
    "CancelDocument": pb.CancelDocumentResponse.FromString,
}
REQUESTS: dict[str, Any] = {
    "deskew": deskew_pb.DeskewPageRequest,
    "classify": classify_pb.ClassifyPageRequest,
    "ocr": ocr_pb.RecognizePageRequest,
    "checkbox": checkbox_pb.DetectCheckboxesRequest,
    "signature": signature_pb.DetectSignaturesRequest,
}


def fields(message: Message, prefix: str = "") -> Iterator[str]:
    """Every field that is set, by its path without indexes."""
    for field, value in message.ListFields():
        name = f"{prefix}{field.name}"
        yield name
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in [value] if isinstance(value, Message) else value:
            yield from fields(each, f"{name}.")


async def test_an_old_client_is_served(tmp_path: Path) -> None:
    """It gets every field that it got before, and the same errors."""
    async with (
        running_orchestrator(tmp_path) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        for name, (method, _) in conversations().items():
            requests = frames.read(OLD / f"orchestrator/{name}.requests")
            old = frames.read(OLD / f"orchestrator/{name}.answers")
            answers, details = await called(channel, SERVICE + method, requests)
            if name == "unknown":
                told = Status.FromString((OLD / "orchestrator/unknown.status").read_bytes())
                now = Status.FromString(details)
                assert (now.code, error_of(now).reason) == (told.code, error_of(told).reason)
                continue
            decode = ANSWERS[method]
            expected = {path for each in old for path in fields(decode(each))}
            assert expected <= {path for each in answers for path in fields(decode(each))}, name
            assert len(expected) > 5
        found = await running.watch("analyzed")
        assert found.document.state == DOCUMENT_STATE_SUCCEEDED
        assert found.document.pages.ok == PAGES


async def test_an_old_orchestrators_answers_are_understood() -> None:
    old = {
        method: frames.read(OLD / f"orchestrator/{name}.answers")
        for name, (method, _) in conversations().items()
        if name != "unknown"
    }
    unknown = (OLD / "orchestrator/unknown.status").read_bytes()

    def got(request: bytes) -> list[bytes] | bytes:
        is_known = pb.GetDocumentRequest.FromString(request).request_id == "submitted"
        return old["GetDocument"] if is_known else unknown

    replies: dict[str, Reply] = {
        SERVICE + method: lambda _, answers=answers: answers  # type: ignore[misc]
        for method, answers in old.items()
    }
    async with (
        played(replies | {f"{SERVICE}GetDocument": got}) as address,
        AsyncClient(address) as client,
    ):
        assert {"text", "application_form"} <= {
            pipeline.identity.name for pipeline in await client.pipelines()
        }
        whole = await client.analyze(DOCUMENT, request_id="analyzed").collect()
        assert whole.document.state == DOCUMENT_STATE_SUCCEEDED
        assert [page.page_number for page in whole.pages] == [1, 2]
        assert "Ann" in str(whole.pages[0])
        assert (await client.submit(DOCUMENT, request_id="submitted")).request_id == "submitted"
        for found in (await client.watch("submitted").collect(), await client.get("submitted")):
            assert (found.document.pages.ok, len(found.pages)) == (PAGES, PAGES)
        assert (await client.cancel("submitted")).state == DOCUMENT_STATE_SUCCEEDED
        with pytest.raises(NotFound):
            await client.get("nobody")


async def test_old_models_read_for_the_orchestrator_of_now(tmp_path: Path) -> None:
    def reply_of(name: str) -> Reply:
        requests = frames.read(OLD / f"models/{name}.requests")
        answers = frames.read(OLD / f"models/{name}.answers")
        page_ids = [REQUESTS[name].FromString(each).page.page_id for each in requests]
        by_page = dict(zip(page_ids, answers, strict=True))
        return lambda request: [by_page[REQUESTS[name].FromString(request).page.page_id]]

    replies = {method: reply_of(name) for name, method in MODELS.items()}
    config = OrchestratorConfig(state_dir=tmp_path)
    async with played(replies) as address, open_channel(address) as models:
        application = create_orchestrator(config, dict.fromkeys(MODELS, models))
        async with (
            running_server(application, config) as server,
            AsyncClient(server.address) as client,
        ):
            stream = client.analyze(DOCUMENT, request_id="analyzed", pipeline="application_form")
            whole = await stream.collect()
    assert whole.document.state == DOCUMENT_STATE_SUCCEEDED
    assert whole.document.pages.ok == PAGES
    assert all({*MODELS} <= {step.step for step in page.steps} for page in whole.pages)


@pytest.mark.parametrize("name", MODELS)
def test_an_old_orchestrators_pages_are_taken_by_models(name: str) -> None:
    limits = PageLimits(max_pixels=1_000_000, max_bytes=1_000_000)
    for each in frames.read(OLD / f"models/{name}.requests"):
        request = REQUESTS[name].FromString(each)
        page = open_page(request.page, limits).decode()
        assert (page.width, page.height) == (60, 84)
        assert page.image.mean() > 150


def test_a_contract_that_would_break_them_is_seen(tmp_path: Path) -> None:
    protos = tmp_path / "protos"
    for source in PROTOS.rglob("*.proto"):
        copy = protos / source.relative_to(PROTOS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(source.read_text().replace("uint32 dpi = 7", "string dpi = 7"))
    image = tmp_path / "image.binpb"
    build_image(sorted(protos.rglob("*.proto")), image, root=protos)
    command = ["buf", "breaking", str(image), "--against", str(RELEASED)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode
    assert 'with name "dpi" on message "DocumentSpec"' in found.stdout

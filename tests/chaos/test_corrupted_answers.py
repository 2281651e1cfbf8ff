"""A model whose answers are damaged: its pages fail with a clear error, the others are read."""

from pathlib import Path

import grpc
import pytest

from meshkit.status import error_of
from meshkit.testing import running_server
from orchestrator.app import create_orchestrator
from orchestrator.config import MODELS, OrchestratorConfig
from orchestrator.testing import Analysis, analyze_requests, tiff
from pagemesh.orchestrator.v1.document_pb2 import PAGE_OUTCOME_FAILED, PAGE_OUTCOME_OK
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import OrchestratorServiceStub
from tests.chaos.garbled import Garble, GarbledMesh


async def read(garble: Garble, folder: Path, pages: int) -> Analysis:
    config = OrchestratorConfig(state_dir=folder, breaker_failures=100)
    async with running_server(GarbledMesh(garble)) as models:
        application = create_orchestrator(config, dict.fromkeys(MODELS, models.channel))
        async with running_server(application, config) as server:
            requests = analyze_requests(tiff(pages), request_id="doc", pipeline="text")
            analysis = Analysis()
            async for event in OrchestratorServiceStub(server.channel).AnalyzeDocument(
                requests, timeout=60
            ):
                analysis.add(event)
            return analysis


@pytest.mark.parametrize(
    "garble",
    [
        pytest.param(lambda _answer: bytes(range(256)) * 8, id="garbage"),
        pytest.param(lambda answer: answer[:-7], id="truncated"),
        pytest.param(lambda _answer: b"", id="empty"),
        pytest.param(lambda answer: answer.replace(b"doc/", b"cod/"), id="another page"),
    ],
)
async def test_damaged_answers_fail_their_pages_clearly(garble: Garble, tmp_path: Path) -> None:
    found = await read(garble, tmp_path, 3)
    account = found.document.pages
    assert (account.total, account.ok, account.failed, account.skipped) == (3, 0, 3, 0)
    for page in found.pages.values():
        assert page.outcome == PAGE_OUTCOME_FAILED
        assert not page.HasField("ocr")
        error = error_of(page.error)
        assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INVALID_MODEL_ANSWER")
        assert error.metadata["model"] == "ocr"
        assert "the ocr model" in error.message


async def test_other_pages_of_the_document_are_read(tmp_path: Path) -> None:
    found = await read(lambda answer: answer[:-7] if b"doc/2" in answer else answer, tmp_path, 3)
    outcomes = {number: page.outcome for number, page in found.pages.items()}
    assert outcomes == {1: PAGE_OUTCOME_OK, 2: PAGE_OUTCOME_FAILED, 3: PAGE_OUTCOME_OK}

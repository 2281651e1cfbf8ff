"""Documents that earlier releases kept: found whole, and gone on with.

`layout-2` and `layout-3` are of releases before 0.1.0, whose SQLite file had another layout.
"""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.testing import running_orchestrator
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.compatibility.record import PAGES

RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("release", ["layout-2", "layout-3", "0.1.0"])
async def test_documents_of_an_earlier_release_are_kept_and_gone_on_with(
    release: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    shutil.copytree(RECORDED / release / "state", state)
    async with running_orchestrator(state) as running:
        done = await running.stub.GetDocument(pb.GetDocumentRequest(request_id="done"))
        assert done.document.state == DOCUMENT_STATE_SUCCEEDED
        assert [page.page_number for page in done.pages] == [1, 2]
        assert "Ann" in str(done.pages[0])
        cut = await running.watch("cut")
        assert cut.document.state == DOCUMENT_STATE_SUCCEEDED
        assert (cut.document.pages.ok, len(cut.pages)) == (PAGES, PAGES)
        read_now = Counter(running.mesh["deskew"].pages)
    async with running_orchestrator(state) as running:
        again = await running.watch("cut")
        assert again.pages == cut.pages
    assert list(read_now) == ["cut/2"]

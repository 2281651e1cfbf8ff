import sys
from types import SimpleNamespace
from typing import Any

import pytest

from meshkit.errors import (
    DependencyUnavailable,
    Forbidden,
    InvalidInput,
    NotFound,
    PagemeshError,
    TooLarge,
)
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.source import Spool, fetch

OBJECT = bytes(range(256)) * 80_000


class Store:
    """Stands for `s3fs.S3FileSystem`, with one object."""

    closed = 0

    def __init__(self, **options: Any) -> None:
        assert options["asynchronous"]
        self.endpoint = options["endpoint_url"]

    async def set_session(self) -> "Store":
        return self

    async def close(self) -> None:
        Store.closed += 1

    async def _info(self, path: str) -> dict[str, Any]:
        match path.partition("/")[2]:
            case "a b.pdf":
                return {"type": "file", "size": len(OBJECT), "VersionId": "v1"}
            case "folder":
                return {"type": "directory", "size": 0}
            case "locked.pdf":
                raise PermissionError("credentials of hunter2")
            case "broken.pdf":
                raise OSError("https://hunter2@store")
        raise FileNotFoundError(path)

    async def _cat_file(self, path: str, start: int, end: int, version_id: str) -> bytes:
        assert version_id == "v1"
        return OBJECT[start:end]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> DocumentLimits:
    monkeypatch.setitem(sys.modules, "s3fs", SimpleNamespace(S3FileSystem=Store))
    monkeypatch.setattr(Store, "closed", 0)
    return DocumentLimits(s3_buckets=("forms",))


async def test_an_object_comes_whole_and_in_parts(limits: DocumentLimits) -> None:
    async with Spool.create(limits) as spool:
        await fetch("s3://forms/a%20b.pdf", spool, limits)
        assert spool.path.read_bytes() == OBJECT
    assert Store.closed == 1


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("s3://forms/missing.pdf", NotFound),
        ("s3://forms/locked.pdf", Forbidden),
        ("s3://forms/broken.pdf", DependencyUnavailable),
        ("s3://forms/folder", InvalidInput),
        ("s3://forms/", InvalidInput),
        ("s3://other/a%20b.pdf", Forbidden),
    ],
)
async def test_what_cannot_be_had(
    limits: DocumentLimits, location: str, kind: type[PagemeshError]
) -> None:
    async with Spool.create(limits) as spool:
        with pytest.raises(kind) as caught:
            await fetch(location, spool, limits)
    assert "hunter2" not in caught.value.message
    assert location in caught.value.message


async def test_a_large_object_is_refused_before_it_is_read(limits: DocumentLimits) -> None:
    small = limits.model_copy(update={"max_document_bytes": 1000})
    async with Spool.create(small) as spool:
        with pytest.raises(TooLarge):
            await fetch("s3://forms/a%20b.pdf", spool, small)
        assert spool.size == 0
    assert Store.closed == 1

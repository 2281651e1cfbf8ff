import hashlib
import os
import sys
from pathlib import Path

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that documents may come from, beside one that they may not."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.pdf").write_bytes(b"secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a form.pdf").write_bytes(b"%PDF-1.7 form")
    (inside / "link.pdf").symlink_to(tmp_path / "secret" / "key.pdf")
    (inside / "folder").symlink_to(tmp_path / "secret")
    (inside / "near.pdf").symlink_to(inside / "a form.pdf")
    os.mkfifo(inside / "pipe.pdf")
    return inside


@pytest.fixture
def limits(root: Path, tmp_path: Path) -> DocumentLimits:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return DocumentLimits(file_roots=(root,), scratch_dir=scratch)


async def taken(location: str, limits: DocumentLimits) -> bytes:
    async with Spool.create(limits) as spool:
        await fetch(location, spool, limits)
        return spool.path.read_bytes()


async def refused(location: str, limits: DocumentLimits) -> PagemeshError:
    async with Spool.create(limits) as spool:
        with pytest.raises(PagemeshError) as caught:
            await fetch(location, spool, limits)
        assert spool.size == 0
    return caught.value


async def test_a_file_under_a_root_is_taken(root: Path, limits: DocumentLimits) -> None:
    assert await taken(f"file://{root}/a%20form.pdf", limits) == b"%PDF-1.7 form"
    assert await taken(f"file://localhost{root}/near.pdf", limits) == b"%PDF-1.7 form"
    assert await taken(f"file://{root}/../inside/near.pdf", limits) == b"%PDF-1.7 form"


@pytest.mark.parametrize(
    "path",
    [
        "link.pdf",
        "folder/key.pdf",
        "../secret/key.pdf",
        "%2e%2e/secret/key.pdf",
        "../inside2/a.pdf",
        "../secret/missing.pdf",
        "../../../../../etc/passwd",
    ],
)
async def test_nothing_outside_the_roots_is_taken_or_told(
    root: Path, limits: DocumentLimits, path: str
) -> None:
    error = await refused(f"file://{root}/{path}", limits)
    assert isinstance(error, Forbidden)
    assert error.reason == "LOCATION_NOT_ALLOWED"


async def test_without_roots_no_file_is_taken(root: Path) -> None:
    error = await refused(f"file://{root}/near.pdf", DocumentLimits())
    assert isinstance(error, Forbidden)


async def test_what_is_no_regular_file_is_refused(root: Path, limits: DocumentLimits) -> None:
    for name in ("pipe.pdf", ""):
        error = await refused(f"file://{root}/{name}", limits)
        assert isinstance(error, InvalidInput)
        assert error.reason == "NOT_A_FILE"


async def test_a_missing_file_is_not_found(root: Path, limits: DocumentLimits) -> None:
    error = await refused(f"file://{root}/missing.pdf", limits)
    assert isinstance(error, NotFound)
    assert "missing.pdf" in error.message


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "UNSUPPORTED_SCHEME"),
        ("form.pdf", "UNSUPPORTED_SCHEME"),
        ("ftp://example.org/a.pdf", "UNSUPPORTED_SCHEME"),
        ("file://elsewhere/a.pdf", "MALFORMED_LOCATION"),
        ("file:///a.pdf?x=1", "MALFORMED_LOCATION"),
        ("file:///a%00.pdf", "MALFORMED_LOCATION"),
        ("https://", "MALFORMED_LOCATION"),
        ("https://[::1/a.pdf", "MALFORMED_LOCATION"),
        ("https://host:99999/a.pdf", "MALFORMED_LOCATION"),
        ("http://example.org/a.pdf", "LOCATION_NOT_ALLOWED"),
        ("https://example.org/a.pdf", "LOCATION_NOT_ALLOWED"),
        ("s3://bucket/a.pdf", "LOCATION_NOT_ALLOWED"),
    ],
)
async def test_locations_that_cannot_be_fetched(
    limits: DocumentLimits, location: str, reason: str
) -> None:
    assert (await refused(location, limits)).reason == reason


async def test_s3_without_s3fs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    error = await refused("s3://forms/a.pdf", DocumentLimits(s3_buckets=("forms",)))
    assert isinstance(error, DependencyUnavailable)
    assert error.retry_after is None
    assert "pagemesh[s3]" in error.message


async def test_errors_hold_no_credentials(limits: DocumentLimits) -> None:
    error = await refused("https://user:hunter2@example.org/a.pdf?sig=abcdef", limits)
    assert "hunter2" not in error.message
    assert "abcdef" not in error.message
    assert "https://example.org/a.pdf" in error.message


async def test_spool_is_private_counts_and_goes_away(limits: DocumentLimits) -> None:
    async with Spool.create(limits) as spool:
        await spool.write(b"one ")
        await spool.write(b"two")
        path = spool.path
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes() == b"one two"
        assert spool.size == 7
        assert spool.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert not path.exists()


async def test_spool_stops_at_the_limit(limits: DocumentLimits, root: Path) -> None:
    small = limits.model_copy(update={"max_document_bytes": 10})
    async with Spool.create(small) as spool:
        await spool.write(b"0123456789")
        with pytest.raises(TooLarge) as caught:
            await spool.write(b"x")
        assert spool.size == 10
    assert caught.value.reason == "DOCUMENT_TOO_LARGE"
    assert caught.value.metadata == {"limit_bytes": "10"}
    assert "10 bytes" in caught.value.message
    assert isinstance(await refused(f"file://{root}/near.pdf", small), TooLarge)

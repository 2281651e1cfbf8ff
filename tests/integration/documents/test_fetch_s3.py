"""Documents fetched from a real S3 server, with credentials found by the usual chain."""

import os
from pathlib import Path

import pytest
import s3fs

from infra.others import S3, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY
from meshkit.errors import Forbidden, NotFound, TooLarge
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.source import Spool, fetch

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

OBJECT = bytes(range(256)) * 80_000  # more than two of the ranges that it is fetched in
KEY = "scans of 2026/a+b.pdf"
LOCATION = f"s3://{S3_BUCKET}/scans%20of%202026/a%2Bb.pdf"


async def put(s3: S3, key: str, content: bytes) -> None:
    store = s3fs.S3FileSystem(
        asynchronous=True,
        skip_instance_cache=True,
        endpoint_url=s3.url,
        key=S3_ACCESS_KEY,
        secret=S3_SECRET_KEY,
    )
    session = await store.set_session()
    try:
        await store._pipe_file(f"{S3_BUCKET}/{key}", content)
    finally:
        await session.close()


@pytest.fixture
def nobodys_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials but those that the test gives; nothing is asked of a cloud's metadata."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def limits(nobodys_credentials: None, s3: S3, tmp_path: Path) -> DocumentLimits:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return DocumentLimits(scratch_dir=scratch, s3_buckets=(S3_BUCKET,), s3_endpoint=s3.url)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET_KEY)


async def test_an_object_comes_whole(limits: DocumentLimits, keys: None, s3: S3) -> None:
    await put(s3, KEY, OBJECT)
    async with Spool.create(limits) as spool:
        await fetch(LOCATION, spool, limits)
        assert spool.path.read_bytes() == OBJECT


async def test_credentials_are_found_in_their_file(
    limits: DocumentLimits, s3: S3, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = {S3_ACCESS_KEY}\naws_secret_access_key = {S3_SECRET_KEY}\n"
    )
    await put(s3, "small.pdf", b"%PDF")
    async with Spool.create(limits) as spool:
        await fetch(f"s3://{S3_BUCKET}/small.pdf", spool, limits)
        assert spool.path.read_bytes() == b"%PDF"


async def test_wrong_credentials_are_refused(
    limits: DocumentLimits, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(s3, "small.pdf", b"%PDF")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    async with Spool.create(limits) as spool:
        with pytest.raises(Forbidden, match="refuses the orchestrator access") as caught:
            await fetch(f"s3://{S3_BUCKET}/small.pdf", spool, limits)
    assert caught.value.reason == "ACCESS_DENIED"


async def test_a_missing_object_is_told(limits: DocumentLimits, keys: None) -> None:
    async with Spool.create(limits) as spool:
        with pytest.raises(NotFound, match="there is no such object"):
            await fetch(f"s3://{S3_BUCKET}/nothing.pdf", spool, limits)


async def test_an_object_over_the_limit_is_refused(
    limits: DocumentLimits, keys: None, s3: S3
) -> None:
    await put(s3, KEY, OBJECT)
    small = limits.model_copy(update={"max_document_bytes": 1000})
    async with Spool.create(small) as spool:
        with pytest.raises(TooLarge, match="1,000 bytes"):
            await fetch(LOCATION, spool, small)
        assert spool.size == 0

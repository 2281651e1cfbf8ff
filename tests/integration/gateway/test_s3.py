"""Uploads into S3, and large results by reference from there, before a real store."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from infra.others import S3, S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY
from orchestrator.testing import running_orchestrator, tiff
from tests.integration.gateway.conftest import Knobs, RunningGateway, config_of, running_gateway

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Bucket":
    """The store, with credentials in the environment, where gateway and orchestrator find them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", S3_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return Bucket(s3, tmp_path.name)


class Bucket:
    """The bucket, in which each test has folders of its own."""

    def __init__(self, s3: S3, folder: str) -> None:
        self.url = s3.url
        self.uploads = f"s3://{S3_BUCKET}/{folder}/uploads"
        self.results = f"s3://{S3_BUCKET}/{folder}/results"

    async def objects(self, location: str) -> list[bytes]:
        """What lies below a location."""
        s3fs: Any = importlib.import_module("s3fs")
        store = s3fs.S3FileSystem(
            asynchronous=True, skip_instance_cache=True, endpoint_url=self.url
        )
        session = await store.set_session()
        try:
            keys = await store._find(location.removeprefix("s3://"))
            return [await store._cat_file(key) for key in keys]
        finally:
            await session.close()


async def check_downloads(gateway: RunningGateway, document_id: str, pages: int) -> None:
    """Whether a document's result can be had, with pictures that were rasterised from S3."""
    url = f"/v1/documents/{document_id}/result"
    read = (await gateway.http.get(url, params={"format": "json"})).json()
    assert [page["pageNumber"] for page in read["pages"]] == list(range(1, pages + 1))
    assert read["pages"][-1]["ocr"]["lines"][0]["text"] == "Name: Ann"
    assert read["document"]["requestId"] == document_id
    assert read["document"]["source"] == "scan.tiff"
    pdf = pypdfium2.PdfDocument((await gateway.http.get(url, params={"format": "pdf"})).content)
    assert len(pdf) == pages
    assert "Ann" in pdf[0].get_textpage().get_text_range()
    pdf.close()


async def test_an_upload_goes_by_the_store(tmp_path: Path, bucket: Bucket) -> None:
    where: Knobs = {"s3_endpoint": bucket.url}
    async with running_orchestrator(
        tmp_path / "orchestrator", s3_buckets=(S3_BUCKET,), **where
    ) as orchestrator:
        config = config_of(tmp_path, orchestrator.address, uploads_location=bucket.uploads, **where)
        async with running_gateway(config) as gateway:
            for _ in range(2):  # the second one's bytes are nobody's, and go
                sent = await gateway.send(tiff(2), request_id="kept", pipeline="forms")
                assert sent.status_code == 202
            assert (await gateway.final("kept"))["status"] == "ready"
            assert await bucket.objects(bucket.uploads) == [tiff(2)]
            assert list(gateway.app.state.config.uploads_dir.iterdir()) == []
            await check_downloads(gateway, "kept", 2)

            another = {"location": f"{bucket.uploads}/0123"}
            refused = await gateway.http.post("/v1/documents", json=another)
            assert (refused.status_code, refused.json()["reason"]) == (403, "LOCATION_NOT_ALLOWED")


async def test_a_store_that_is_away_takes_no_upload_and_loses_none(
    tmp_path: Path, bucket: Bucket
) -> None:
    async with running_orchestrator(tmp_path / "orchestrator") as orchestrator:
        knobs = {"uploads_location": bucket.uploads, "s3_endpoint": "http://127.0.0.1:1"}
        async with running_gateway(config_of(tmp_path, orchestrator.address, **knobs)) as gateway:
            refused = await gateway.send(tiff(1), request_id="nowhere")
            assert (refused.status_code, refused.json()["reason"]) == (503, "STORAGE_UNAVAILABLE")
            assert int(refused.headers["retry-after"]) >= 1
            absent = await gateway.http.get("/v1/documents/nowhere")
            assert absent.status_code == 404
            assert list(gateway.app.state.config.uploads_dir.iterdir()) == []


async def test_a_large_result_comes_by_reference(
    tmp_path: Path, bucket: Bucket, kafka: Knobs
) -> None:
    where: Knobs = {"s3_endpoint": bucket.url}
    large: Knobs = {"kafka_max_record_bytes": 10_000, "kafka_results_location": bucket.results}
    async with running_orchestrator(
        tmp_path / "orchestrator", s3_buckets=(S3_BUCKET,), **kafka, **where, **large
    ) as orchestrator:
        own = {"kafka_group": f"{kafka['kafka_group']}-gateway"}
        knobs = kafka | where | own | {"uploads_location": bucket.uploads}
        async with running_gateway(config_of(tmp_path, orchestrator.address, **knobs)) as gateway:
            sent = await gateway.send(tiff(9), request_id="large", pipeline="forms")
            assert sent.status_code == 202
            found = await gateway.final("large", 60)
            assert found["pages"] == {"total": 9, "done": 9, "ok": 9, "failed": 0, "skipped": 0}
            (stored,) = await bucket.objects(bucket.results)
            assert len(stored) > large["kafka_max_record_bytes"]
            assert len(json.loads(stored)["pages"]) == 9
            await check_downloads(gateway, "large", 9)

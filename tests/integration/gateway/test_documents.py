"""Send and receive, over real sockets."""

from pathlib import Path

import pytest

from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import RunningGateway


async def test_an_upload_is_read_and_shown(gateway: RunningGateway) -> None:
    sent = await gateway.send(tiff(3), request_id="claim-1", pipeline="forms")
    assert sent.status_code == 202
    assert sent.headers["location"] == "/v1/documents/claim-1"
    assert int(sent.headers["retry-after"]) >= 1
    assert sent.json()["status"] == "queued"
    assert sent.json()["source"] == "scan.tiff"

    found = await gateway.final("claim-1")
    assert found["status"] == "ready"
    assert found["pipeline"] == "forms"
    assert found["pages"] == {"total": 3, "done": 3, "ok": 3, "failed": 0, "skipped": 0}
    assert [page["pageNumber"] for page in found["result"]["pages"]] == [1, 2, 3]
    assert found["result"]["document"]["requestId"] == "claim-1"

    page = await gateway.http.get("/v1/documents/claim-1/pages/2")
    assert page.json() == found["result"]["pages"][1]
    assert page.json()["ocr"]["lines"][0]["words"][0]["text"] == "Name:"


async def test_a_location_is_read(
    gateway: RunningGateway, orchestrator: RunningOrchestrator, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "form.tiff").write_bytes(tiff(1))
    location = (folder / "form.tiff").as_uri()
    sent = await gateway.http.post("/v1/documents", json={"location": location})
    assert sent.status_code == 202
    found = await gateway.final(sent.json()["id"])
    assert found["status"] == "ready"
    assert found["source"] == location


async def test_the_same_again_is_the_same_and_another_is_refused(gateway: RunningGateway) -> None:
    first = await gateway.send(tiff(1), request_id="twice")
    again = await gateway.send(tiff(1), request_id="twice")
    other = await gateway.send(tiff(2), request_id="twice")
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 409)
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["reason"] == "REQUEST_ID_TAKEN"
    assert again.json()["created_at"] == first.json()["created_at"]
    assert (await gateway.final("twice"))["pages"]["total"] == 1
    uploads = gateway.app.state.config.uploads_dir
    assert len(list(uploads.iterdir())) == 1


async def test_what_did_not_change_is_not_sent_again(gateway: RunningGateway) -> None:
    await gateway.send(tiff(1), request_id="tagged")
    await gateway.final("tagged")
    first = await gateway.http.get("/v1/documents/tagged")
    headers = {"If-None-Match": first.headers["etag"]}
    again = await gateway.http.get("/v1/documents/tagged", headers=headers)
    assert (first.status_code, again.status_code) == (200, 304)
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


async def test_events_tell_page_by_page_and_go_on_where_they_were(gateway: RunningGateway) -> None:
    await gateway.send(tiff(4), request_id="watched", pipeline="text")
    told = [event async for event in gateway.events("watched")]
    pages = [event for event in told if event.name == "page"]
    assert sorted(event.data["page_number"] for event in pages) == [1, 2, 3, 4]
    assert [event.id for event in pages] == ["1", "2", "3", "4"]
    assert told[0].name == "status"
    assert (told[-1].name, told[-1].data["status"]) == ("done", "ready")

    rest = [event async for event in gateway.events("watched", last="3")]
    assert [event.name for event in rest] == ["page", "done"]
    assert rest[0].data == pages[3].data
    url = "/v1/documents/watched/events"
    over = await gateway.http.get(url, headers={"Last-Event-ID": rest[-1].id})
    assert over.status_code == 204


async def test_the_list_is_newest_first_and_goes_on_at_its_cursor(gateway: RunningGateway) -> None:
    for number in range(5):
        await gateway.send(tiff(1), request_id=f"list-{number}")
    listed: list[str] = []
    given: dict[str, str] = {}
    while True:
        answer = await gateway.http.get("/v1/documents", params={"limit": "2"} | given)
        listed += [document["id"] for document in answer.json()["documents"]]
        if answer.json()["next_cursor"] is None:
            break
        given = {"cursor": answer.json()["next_cursor"]}
    assert listed == [f"list-{number}" for number in reversed(range(5))]
    found = await gateway.http.get("/v1/documents", params={"query": "list-3"})
    assert [document["id"] for document in found.json()["documents"]] == ["list-3"]


async def test_a_document_that_cannot_be_read_has_failed(gateway: RunningGateway) -> None:
    await gateway.send(b"just some text", request_id="no-document")
    found = await gateway.final("no-document")
    assert found["status"] == "failed"
    assert found["error"]["reason"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "MALFORMED_JSON"),
        (b"[]", 422, "INVALID_INPUT"),
        (b"{}", 422, "INVALID_INPUT"),
        (b'{"location": "ftp://x/y"}', 422, "INVALID_INPUT"),
        (b'{"location": "file:///x", "request_id": "no blanks"}', 422, "INVALID_INPUT"),
        (b'{"location": "file:///x", "pipeline": "nosuch"}', 422, "PIPELINE_NOT_FOUND"),
        (b'{"location": "file:///x", "nosuch": 1}', 422, "INVALID_INPUT"),
        (b'{"location": "' + b"x" * 70_000 + b'"}', 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_wrong_request_is_a_problem(
    gateway: RunningGateway, body: bytes, status: int, reason: str
) -> None:
    answer = await gateway.http.post(
        "/v1/documents", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_what_nobody_has_is_not_found(gateway: RunningGateway) -> None:
    for path in ("", "/pages/1", "/events", "/trace"):
        answer = await gateway.http.get(f"/v1/documents/nobody{path}")
        assert (answer.status_code, answer.json()["reason"]) == (404, "DOCUMENT_NOT_FOUND")
    answer = await gateway.http.post("/v1/documents", content=b"x")
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("location", "ftp://example.org/a.pdf", "s3:// or file:// is expected"),
        ("sha256", "abc", "64 hexadecimal digits"),
        ("pages", "one", "1-3,7"),
        ("webhook", "mailto:a@example.org", "https://"),
        ("request_id", "a b", "letters, digits"),
    ],
)
async def test_a_text_of_the_wrong_form_is_told_in_words(
    gateway: RunningGateway, field: str, value: str, told: str
) -> None:
    body = {"location": "https://example.org/a.pdf", field: value}
    answer = await gateway.http.post("/v1/documents", json=body)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert "pattern" not in answer.json()["detail"]
    assert answer.json()["metadata"]["field"].endswith(field)

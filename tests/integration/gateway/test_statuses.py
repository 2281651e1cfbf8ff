"""Every status that `/openapi.json` declares, over real HTTP, and no other."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from jwt.utils import base64url_encode

from gateway.identity import Client
from gateway.security.keys import create_key
from infra.service import free_port
from orchestrator.testing import RunningOrchestrator, tiff
from pagemesh.traces.store import SpanStore
from tests.integration.gateway.conftest import RunningGateway, config_of, running_gateway
from tests.integration.gateway.statuses import DeafOrchestrator, Statuses, operations
from tests.integration.gateway.test_results import never
from tests.unit.pagemesh.traces.spans import document

pytestmark = pytest.mark.xdist_group("statuses")

SPANS = "spans.sqlite3"
TOKEN = base64url_encode(b'{"alg": "RS256", "kid": "unknown"}').decode() + ".e30.e30"
"""Good enough to ask its issuer for a key."""


@pytest.fixture(scope="module")
def statuses() -> Statuses:
    return Statuses()


@pytest.fixture
async def watched(
    tmp_path: Path, orchestrator: RunningOrchestrator, statuses: Statuses
) -> AsyncIterator[RunningGateway]:
    """A gateway with small limits, used by its one client; all answers are noted."""
    async with open_watched(tmp_path, orchestrator.address, statuses) as gateway:
        yield gateway


@contextlib.asynccontextmanager
async def open_watched(
    folder: Path, orchestrator: str, statuses: Statuses, **knobs: Any
) -> AsyncIterator[RunningGateway]:
    keys = folder / "keys.json"
    key = create_key(keys, "watched")
    limits = {"max_upload_bytes": 200_000, "max_body_bytes": 2000}
    hooks = {"webhook_hosts": ("127.0.0.1:9",), "webhook_networks": ("127.0.0.0/8",)}
    files = {"api_keys_file": keys, "spans_file": folder / SPANS}
    config = config_of(folder, orchestrator, **(files | limits | hooks | knobs))
    async with running_gateway(config) as gateway:
        statuses.watch(gateway)
        gateway.http.headers["Authorization"] = f"Bearer {key}"
        yield gateway


def check_problem(answer: httpx.Response, status: int, reason: str = "") -> None:
    """Whether an answer is a problem of this kind."""
    assert answer.status_code == status, f"{answer.request.url}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert reason in {"", told["reason"]}
    if status in {429, 503}:
        assert int(answer.headers["retry-after"]) >= 1


async def test_what_is_there_is_shown_in_every_way(tmp_path: Path, watched: RunningGateway) -> None:
    hook = "https://127.0.0.1:9/hook"
    sent = await watched.send(tiff(1), request_id="read", pipeline="forms", webhook=hook)
    assert sent.status_code == 202
    await watched.final("read")
    spans = SpanStore(tmp_path / SPANS)
    spans.add(document(Client("watched").work_id("read")))
    spans.close()
    for method, path in operations(watched, "read"):
        if method == "GET":
            answer = await watched.http.get(path)
            assert answer.status_code == 200, path
    again = await watched.http.post("/v1/documents/read/webhook")
    assert again.status_code == 202
    over = await watched.http.get("/v1/documents/read/events", headers={"Last-Event-ID": "end"})
    assert over.status_code == 204
    tag = (await watched.http.get("/v1/documents/read")).headers["etag"]
    same = await watched.http.get("/v1/documents/read", headers={"If-None-Match": tag})
    assert same.status_code == 304
    assert (await watched.http.delete("/v1/documents/read")).status_code == 200
    erase = "/v1/documents/read/erase"
    check_problem(await watched.http.post(erase, params={"client": "another"}), 403, "NOT_ADMIN")
    assert (await watched.http.post(erase)).status_code == 200


async def test_what_a_person_says_is_taken_with_the_state_that_was_seen(
    watched: RunningGateway,
) -> None:
    await watched.send(tiff(1), request_id="read", pipeline="forms")
    await watched.final("read")
    url = "/v1/documents/read/corrections"
    wanted = {"corrections": [{"page_number": 1, "field_index": 0, "value": "Anna"}]}
    tag = (await watched.http.get(url)).headers["etag"]
    check_problem(await watched.http.patch(url, json=wanted), 428, "IF_MATCH_MISSING")
    watched.http.headers["If-Match"] = tag
    assert (await watched.http.patch(url, json=wanted)).status_code == 200
    check_problem(await watched.http.patch(url, json=wanted), 412, "DOCUMENT_CHANGED")
    watched.http.headers["If-Match"] = "*"
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"{}", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 4000, "application/json", 413),
    ):
        headers = {"Content-Type": kind}
        check_problem(await watched.http.patch(url, content=content, headers=headers), status)
    wanted["corrections"][0]["field_index"] = 99
    check_problem(await watched.http.patch(url, json=wanted), 404, "FIELD_NOT_FOUND")


async def test_what_is_in_work_is_in_the_way(
    watched: RunningGateway, orchestrator: RunningOrchestrator
) -> None:
    orchestrator.mesh["ocr"].answer = never
    await watched.send(tiff(1), request_id="slow", pipeline="text")
    check_problem(await watched.send(tiff(2), request_id="slow"), 409, "REQUEST_ID_TAKEN")
    early = await watched.http.get("/v1/documents/slow/result")
    check_problem(early, 409, "RESULT_NOT_READY")
    assert int(early.headers["retry-after"]) >= 1
    wanted = {"corrections": [{"page_number": 1, "field_index": 0, "value": ""}]}
    headers = {"If-Match": "*"}
    url = "/v1/documents/slow/corrections"
    corrected = await watched.http.patch(url, json=wanted, headers=headers)
    check_problem(corrected, 409, "RESULT_NOT_READY")
    assert (await watched.http.delete("/v1/documents/slow")).status_code == 202
    await watched.final("slow")


async def test_nobody_who_does_not_say_who_it_is_gets_in(watched: RunningGateway) -> None:
    del watched.http.headers["Authorization"]
    for method, path in operations(watched, "x"):
        answer = await watched.http.request(method, path)
        check_problem(answer, 401, "NOT_AUTHENTICATED")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_what_is_not_there_is_not_found(watched: RunningGateway) -> None:
    for method, path in operations(watched, "nobody"):
        if "nobody" in path:
            check_problem(await watched.http.request(method, path), 404, "DOCUMENT_NOT_FOUND")
    check_problem(await watched.http.get("/v1/documents", params={"cursor": "x"}), 404)
    check_problem(await watched.http.get("/v1/nothing"), 404, "NO_SUCH_RESOURCE")


async def test_what_cannot_be_meant_is_refused(watched: RunningGateway) -> None:
    for method, path in operations(watched, "a%20b"):
        if "a%20b" in path:
            check_problem(await watched.http.request(method, path), 422, "INVALID_INPUT")
    for path in ("/v1/documents", "/v1/webhooks"):
        check_problem(await watched.http.get(path, params={"limit": 0}), 422, "INVALID_INPUT")
    page = await watched.http.get("/v1/documents/a/pages/0")
    check_problem(page, 422, "INVALID_INPUT")


async def test_a_document_that_is_not_taken(watched: RunningGateway) -> None:
    async def post(content: Any, kind: str = "application/json") -> httpx.Response:
        headers = {"Content-Type": kind}
        return await watched.http.post("/v1/documents", content=content, headers=headers)

    async def chunked() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b" " * 1000

    check_problem(await post(b"{"), 400, "MALFORMED_JSON")
    check_problem(await post(b"x", "multipart/form-data; boundary=y"), 400, "MALFORMED_FORM")
    own = watched.app.state.config.uploads_dir.resolve().as_uri()
    check_problem(await post(f'{{"location": "{own}/x"}}'), 403, "LOCATION_NOT_ALLOWED")
    check_problem(await post(b" " * 4000), 413, "BODY_TOO_LARGE")
    check_problem(await post(chunked()), 413, "BODY_TOO_LARGE")
    check_problem(await watched.send(b"x" * 200_001), 413, "DOCUMENT_TOO_LARGE")
    check_problem(await post(b"x", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
    check_problem(await post(b"{}"), 422, "INVALID_INPUT")


async def test_a_method_that_a_path_does_not_have(watched: RunningGateway) -> None:
    for path, item in watched.app.openapi()["paths"].items():
        place = path.replace("{id}", "x").replace("{n}", "1")
        # The console answers every GET elsewhere, so that GET is asked for, too.
        for method in {"TRACE", "GET"} - {each.upper() for each in item}:
            answer = await watched.http.request(method, place)
            check_problem(answer, 405, "METHOD_NOT_ALLOWED")
            assert answer.headers["allow"] == ", ".join(sorted(each.upper() for each in item))


async def test_a_result_in_a_format_that_there_is_not(watched: RunningGateway) -> None:
    answer = await watched.http.get("/v1/documents/x/result", headers={"Accept": "image/png"})
    check_problem(answer, 406, "NOT_ACCEPTABLE")


async def test_who_asks_too_often_is_told_when_to_come_again(
    tmp_path: Path, orchestrator: RunningOrchestrator, statuses: Statuses
) -> None:
    knobs = {"request_rate": "1/day"}
    async with open_watched(tmp_path, orchestrator.address, statuses, **knobs) as gateway:
        assert (await gateway.http.get("/v1/documents")).status_code == 200
        for method, path in operations(gateway, "x"):
            check_problem(await gateway.http.request(method, path), 429, "RATE_EXCEEDED")


async def test_what_is_needed_and_away(
    tmp_path: Path, orchestrator: RunningOrchestrator, statuses: Statuses
) -> None:
    issuer = f"http://127.0.0.1:{free_port()}"
    knobs = {"oidc_issuer": issuer, "oidc_audience": "pagemesh"}
    async with open_watched(tmp_path, orchestrator.address, statuses, **knobs) as gateway:
        gateway.http.headers["Authorization"] = f"Bearer {TOKEN}"
        for method, path in operations(gateway, "x"):
            check_problem(await gateway.http.request(method, path), 503, "ISSUER_UNAVAILABLE")


async def test_what_is_needed_and_too_slow(
    tmp_path: Path, watched: RunningGateway, statuses: Statuses
) -> None:
    await watched.send(tiff(1), request_id="unseen", pipeline="text")
    await watched.final("unseen")
    deaf = grpc.aio.server()
    deaf.add_generic_rpc_handlers((DeafOrchestrator(),))
    port = deaf.add_insecure_port("127.0.0.1:0")
    await deaf.start()
    asked = [f"/v1/documents/unseen/pages/1/{what}" for what in ("image", "overlay.png")]
    asked += ["/v1/documents/unseen/result?format=pdf", "/v1/pipelines"]
    try:
        knobs = {"answer_seconds": 0.2}
        async with open_watched(tmp_path, f"127.0.0.1:{port}", statuses, **knobs) as gateway:
            for path in asked:
                check_problem(await gateway.http.get(path), 504, "DEADLINE_EXCEEDED")
            erased = await gateway.http.post("/v1/documents/unseen/erase")
            check_problem(erased, 504, "DEADLINE_EXCEEDED")
    finally:
        await deaf.stop(None)


def test_each_status_that_is_declared_was_seen_and_no_other(
    request: pytest.FixtureRequest, statuses: Statuses
) -> None:
    """The last of this module: it judges what the others noted."""
    module = [each for each in request.session.items if each.path == request.path]
    asked = [name for name in vars(request.module) if name.startswith("test_")]
    if len(module) < len(asked):
        pytest.skip("judges what all tests of this module see")
    assert len(statuses.declared) > 80
    assert sorted(statuses.declared - statuses.seen) == [], "declared, and never seen"
    assert sorted(statuses.seen - statuses.declared) == [], "seen, and not declared"

"""Webhooks to a receiver that really listens, and does not always want to hear."""

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from gateway.config import GatewayConfig
from gateway.security.keys import create_key
from gateway.webhooks.outbox import State
from gateway.webhooks.outbox.sqlite import SqliteOutbox
from infra.others import Mongo
from infra.service import free_port
from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import Json, RunningGateway, config_of, running_gateway
from tests.integration.gateway.test_restarts import gateway_process


class Receiver:
    """Takes webhooks.

    Attributes:
        answers: statuses and headers of its next answers; 204 after them.
        is_willing: whether it answers at all.
        got: headers and bodies of what came.
        port: where it listens on 127.0.0.1.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, Mapping[str, str]]] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.is_willing = asyncio.Event()
        self.is_willing.set()
        self.port = 0
        self._came = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._came:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.got.append((headers, body))
            self._came.notify_all()
        await self.is_willing.wait()
        code, more = self.answers.pop(0) if self.answers else (204, {})
        return web.Response(status=code, headers=more)

    async def heard(self, count: int, within: float = 60.0) -> None:
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.got) >= count)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


def knobs(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {
        "webhook_hosts": (f"127.0.0.1:{receiver.port}", f"localhost:{receiver.port}"),
        "webhook_networks": ("127.0.0.0/8",),
        "webhook_allow_http": True,
        "webhook_pause_seconds": 0.05,
        "webhook_attempts": 4,
        **more,
    }


@pytest.fixture
async def hooked(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> AsyncIterator[RunningGateway]:
    config = config_of(tmp_path, orchestrator.address, **knobs(receiver))
    async with running_gateway(config) as gateway:
        yield gateway


async def state_of(gateway: RunningGateway, document_id: str, state: str) -> Json:
    """The webhook of a document once it is so far."""
    async with asyncio.timeout(60):
        while True:
            answer = await gateway.http.get(f"/v1/documents/{document_id}/webhook")
            found: Json = answer.json()
            if found["state"] == state:
                return found
            await asyncio.sleep(0.02)


async def test_a_receiver_that_fails_first_is_told_again_and_can_tell_who_it_was(
    hooked: RunningGateway, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (503, {"Retry-After": "1"})]
    await hooked.send(tiff(2), request_id="hooked", webhook=receiver.url("/claims?key=1"))
    await receiver.heard(3)
    assert await state_of(hooked, "hooked", "delivered") == {
        "state": "delivered",
        "attempts": 3,
        "last_error": None,
        "next_attempt_at": None,
    }
    secret = (await hooked.http.get("/v1/webhook-secret")).json()["secret"]
    told = [Webhook(secret).verify(body, headers) for headers, body in receiver.got]
    assert told[0] == told[1] == told[2]
    assert told[0]["type"] == "document.ended"
    document = (await hooked.http.get("/v1/documents/hooked")).json()
    del document["result"]
    assert told[0]["data"] == document
    assert document["status"] == "ready"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    times = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert times[2] >= times[1] + 1  # it asked for a second
    headers, body = receiver.got[0]
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(body.replace(b"ready", b"faile"), headers)


async def test_each_client_has_a_secret_of_its_own_and_keeps_it(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> None:
    more: dict[str, Any] = {"webhook_secrets": ("new", "old")}
    config = config_of(tmp_path, orchestrator.address, **knobs(receiver, **more))
    async with running_gateway(config) as gateway:
        signer = gateway.app.state.webhooks.signer
        assert signer.secret_of("billing") != signer.secret_of("claims")
        await gateway.send(tiff(1), request_id="rotated", webhook=receiver.url())
        await receiver.heard(1)
        new = signer.secret_of("")
    before = config_of(
        tmp_path / "before", orchestrator.address, **knobs(receiver, webhook_secrets=("old",))
    )
    async with running_gateway(before) as gateway:
        old = gateway.app.state.webhooks.signer.secret_of("")
    headers, body = receiver.got[0]
    for secret in (new, old):
        assert Webhook(secret).verify(body, headers)["data"]["id"] == "rotated"


async def test_a_webhook_that_cannot_be_delivered_is_a_dead_letter_and_can_be_sent_again(
    hooked: RunningGateway, receiver: Receiver
) -> None:
    elsewhere = {"Location": receiver.url("/elsewhere")}
    receiver.answers = [(302, elsewhere), (500, {}), (404, {}), (302, elsewhere)]
    await hooked.send(tiff(1), request_id="dead", webhook=receiver.url())
    found = await state_of(hooked, "dead", "dead")
    assert (found["attempts"], found["last_error"]) == (4, "HTTP_302")
    assert len(receiver.got) == 4  # no redirect was followed
    again = await hooked.http.post("/v1/documents/dead/webhook")
    assert (again.status_code, again.json()["state"]) == (202, "due")
    await state_of(hooked, "dead", "delivered")
    assert len(receiver.got) == 5


async def test_a_receiver_that_is_gone_is_left_alone(
    hooked: RunningGateway, receiver: Receiver
) -> None:
    receiver.answers = [(410, {})]
    await hooked.send(tiff(1), request_id="gone", webhook=receiver.url())
    found = await state_of(hooked, "gone", "dead")
    assert (found["attempts"], found["last_error"]) == (1, "HTTP_410")


async def test_sending_a_document_again_tells_nothing_twice(
    hooked: RunningGateway, receiver: Receiver
) -> None:
    for _ in range(2):
        await hooked.send(tiff(1), request_id="once", webhook=receiver.url())
    await state_of(hooked, "once", "delivered")
    await hooked.send(tiff(1), request_id="once", webhook=receiver.url())
    other = await hooked.send(tiff(1), request_id="once", webhook=receiver.url("/other"))
    assert other.status_code == 409
    await asyncio.sleep(0.3)
    assert len(receiver.got) == 1


async def test_what_is_owed_outlives_the_gateway(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> None:
    """Whether it was killed before it knew of a document's end, or between two attempts."""
    config = config_of(tmp_path, orchestrator.address, **knobs(receiver, webhook_pause_seconds=0.5))
    receiver.answers = [(500, {})]
    async with running_gateway(config) as gateway:
        await gateway.send(tiff(1), request_id="between", webhook=receiver.url())
        await receiver.heard(1)
        gateway.app.state.ledger.ended.clear()
        await gateway.send(tiff(1), request_id="before", webhook=receiver.url())
        await gateway.final("before")
    async with running_gateway(config) as gateway:
        await state_of(gateway, "between", "delivered")
        await state_of(gateway, "before", "delivered")
    assert len(receiver.got) == 3


@pytest.mark.xdist_group("services")
async def test_gateways_that_share_a_store_owe_together(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver, memory_mongo: Mongo
) -> None:
    """What one took and could not deliver is another's to deliver, list and send again."""
    store = memory_mongo.database_url("pagemesh_webhooks")

    def config(name: str) -> GatewayConfig:
        given = knobs(receiver, webhook_attempts=2, webhook_secrets=("shared",), store_url=store)
        return config_of(tmp_path, orchestrator.address, **given).model_copy(
            update={"state_dir": tmp_path / "gateway" / name}
        )

    receiver.answers = [(503, {"Retry-After": "1"}), (500, {})]
    async with running_gateway(config("one")) as gateway:
        await gateway.send(tiff(1), request_id="handed-over", webhook=receiver.url())
        await gateway.final("handed-over")
        await receiver.heard(1)
    async with running_gateway(config("two")) as gateway:
        await state_of(gateway, "handed-over", "dead")
        (listed,) = (await gateway.http.get("/v1/webhooks")).json()["webhooks"]
        assert (listed["document_id"], listed["attempts"]) == ("handed-over", 2)
        await gateway.http.post("/v1/documents/handed-over/webhook")
        await state_of(gateway, "handed-over", "delivered")
    assert len(receiver.got) == 3


@pytest.mark.timeout(240)
async def test_a_gateway_that_is_killed_before_its_receiver_has_answered_tells_it_again(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> None:
    folder, port = tmp_path / "gateway", free_port()
    given = {
        name: ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in knobs(receiver).items()
    }
    receiver.is_willing.clear()
    async with gateway_process(folder, port, orchestrator.address, **given) as (process, http):
        form = {"request_id": "killed", "webhook": receiver.url()}
        await http.post("/v1/documents", files={"file": ("scan.tiff", tiff(1))}, data=form)
        await receiver.heard(1)
        assert (await http.get("/v1/documents/killed")).json()["status"] == "ready"
        process.send_signal(signal.SIGKILL)
        await process.wait()
    receiver.is_willing.set()
    async with gateway_process(folder, port, orchestrator.address, **given) as (_, http):
        await receiver.heard(2)
        secret = (await http.get("/v1/webhook-secret")).json()["secret"]
        async with asyncio.timeout(60):
            while True:
                webhook = (await http.get("/v1/documents/killed/webhook")).json()
                if webhook["state"] == "delivered":
                    break
                await asyncio.sleep(0.02)
    told = [Webhook(secret).verify(body, headers) for headers, body in receiver.got]
    assert told[0] == told[1]
    assert told[0]["data"]["status"] == "ready"
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first == second


async def test_dead_letters_are_listed_for_their_client_and_sent_again(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> None:
    keys = tmp_path / "keys.json"
    billing, claims = (create_key(keys, name) for name in ("billing", "claims"))
    config = config_of(
        tmp_path, orchestrator.address, **knobs(receiver, webhook_attempts=1, api_keys_file=keys)
    )
    receiver.answers = [(500, {})] * 3
    async with running_gateway(config) as gateway:
        gateway.http.headers["Authorization"] = f"Bearer {billing}"
        for name in ("c", "a", "b"):
            await gateway.send(tiff(1), request_id=name, webhook=receiver.url())
            await state_of(gateway, name, "dead")
        await gateway.send(tiff(1), request_id="good", webhook=receiver.url())
        await state_of(gateway, "good", "delivered")

        async def listed(**asked: Any) -> Json:
            answer = await gateway.http.get("/v1/webhooks", params=asked)
            found: Json = answer.json()
            return found

        first = await listed(limit=2)
        assert [each["document_id"] for each in first["webhooks"]] == ["a", "b"]
        assert {each["last_error"] for each in first["webhooks"]} == {"HTTP_500"}
        rest = await listed(limit=2, cursor=first["next_cursor"])
        assert [each["document_id"] for each in rest["webhooks"]] == ["c"]
        assert rest["next_cursor"] is None
        for each in first["webhooks"] + rest["webhooks"]:
            again = await gateway.http.post(f"/v1/documents/{each['document_id']}/webhook")
            assert again.status_code == 202
            await state_of(gateway, each["document_id"], "delivered")
        assert (await listed())["webhooks"] == []
        assert len((await listed(state="delivered"))["webhooks"]) == 4
        gateway.http.headers["Authorization"] = f"Bearer {claims}"
        assert (await listed(state="delivered"))["webhooks"] == []


async def test_an_outbox_without_names_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute(
            "CREATE TABLE webhooks (work_id TEXT PRIMARY KEY, state TEXT NOT NULL, attempts "
            "INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, since REAL NOT NULL, "
            "error TEXT NOT NULL DEFAULT '')"
        )
        old.execute("INSERT INTO webhooks (work_id, state, since) VALUES ('old', 'dead', 1)")
        old.commit()
    outbox = SqliteOutbox(path)
    await outbox.open()
    entry = await outbox.find("old")
    assert entry is not None
    assert entry.state is State.DEAD
    assert await outbox.add("new", "", "new")
    assert await outbox.listed("", State.DEAD, "", 10) == []
    await outbox.close()


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0x7f000001/",
        "https://hooks.example:8443/",
        "http://hooks.example/",
    ],
)
async def test_no_webhook_goes_where_it_must_not(
    tmp_path: Path, orchestrator: RunningOrchestrator, target: str
) -> None:
    config = config_of(tmp_path, orchestrator.address, webhook_hosts=("*",))
    async with running_gateway(config) as gateway:
        body = {"location": "file:///x", "request_id": "x", "webhook": target}
        answer = await gateway.http.post("/v1/documents", json=body)
        if target.startswith("https://0x"):  # an address in disguise, for a resolver to judge
            assert answer.status_code == 202
            assert (await state_of(gateway, "x", "dead"))["attempts"] == 1
            return
        assert answer.status_code == 403, answer.text
        assert answer.json()["metadata"]["field"] == "webhook"


async def test_a_name_that_leads_to_this_machine_is_not_followed(
    tmp_path: Path, orchestrator: RunningOrchestrator, receiver: Receiver
) -> None:
    config = config_of(tmp_path, orchestrator.address, **knobs(receiver, webhook_networks=()))
    async with running_gateway(config) as gateway:
        target = f"http://localhost:{receiver.port}/hook"
        sent = await gateway.send(tiff(1), request_id="rebound", webhook=target)
        assert sent.status_code == 202
        found = await state_of(gateway, "rebound", "dead")
        assert found["last_error"] == "ADDRESS_NOT_ALLOWED"
    assert receiver.got == []


async def test_no_host_is_called_unless_the_operator_names_it(gateway: RunningGateway) -> None:
    sent = await gateway.send(tiff(1), webhook="https://hooks.example.org/")
    assert (sent.status_code, sent.json()["reason"]) == (403, "LOCATION_NOT_ALLOWED")

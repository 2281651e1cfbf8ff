"""What must not be told: secrets are planted everywhere, then all that was told is searched."""

import io
import json
import logging
from pathlib import Path
from typing import Any

from gateway.security.keys import create_key
from meshkit.logs import JsonFormatter
from orchestrator.testing import RunningOrchestrator, tiff
from tests.integration.gateway.conftest import config_of, running_gateway
from tests.integration.gateway.test_tokens import AUDIENCE, Issuer
from tests.integration.gateway.test_tokens import issuer as issuer  # noqa: PLC0414 - a fixture
from tests.integration.gateway.test_tokens import rsa_key as rsa_key  # noqa: PLC0414 - a fixture
from tests.integration.gateway.test_webhooks import Receiver, knobs, state_of
from tests.integration.gateway.test_webhooks import receiver as receiver  # noqa: PLC0414
from tests.telemetry import Recorder
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

PASSWORD, HOOK, MASTER, CREDENTIAL = "pass-4711", "hook-4712", "master-4713", "user-4714"


async def test_no_secret_is_in_logs_or_traces(
    tmp_path: Path,
    orchestrator: RunningOrchestrator,
    receiver: Receiver,
    issuer: Issuer,
    recorded: Recorder,
) -> None:
    keys = tmp_path / "keys.json"
    key, token = create_key(keys, "billing"), issuer.token("first")
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonFormatter("gateway"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    options: dict[str, Any] = {
        "api_keys_file": keys,
        "oidc_issuer": issuer.url,
        "oidc_audience": AUDIENCE,
        "webhook_secrets": (MASTER,),
        "log_level": "DEBUG",
    }
    config = config_of(tmp_path, orchestrator.address, **knobs(receiver, **options))
    receiver.answers = [(500, {}), (204, {}), (500, {}), (500, {}), (500, {}), (500, {})]
    try:
        async with running_gateway(config) as gateway:
            hook = receiver.url(f"/{HOOK}?token={HOOK}")
            for name, secret in (("by-key", key), ("by-token", token)):
                gateway.http.headers["Authorization"] = f"Bearer {secret}"
                sent = await gateway.send(tiff(1), request_id=name, webhook=hook, password=PASSWORD)
                assert sent.status_code == 202
                await gateway.final(name)
                await state_of(gateway, name, "delivered" if name == "by-key" else "dead")
                signing = (await gateway.http.get("/v1/webhook-secret")).json()["secret"]
                location = f"https://{CREDENTIAL}:{CREDENTIAL}@nowhere.example/x?sig={CREDENTIAL}"
                body = {"location": location, "request_id": f"{name}-location"}
                await gateway.http.post("/v1/documents", json=body)
                await gateway.final(f"{name}-location")
            for bad in (key[:-1], token[:-1]):
                gateway.http.headers["Authorization"] = f"Bearer {bad}"
                assert (await gateway.http.get("/v1/documents")).status_code == 401
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    spans = json.dumps([json.loads(span.to_json()) for span in recorded.spans])
    assert '"logger": "pagemesh.audit"' in said.getvalue()
    assert "a webhook is a dead letter" in said.getvalue()
    key_secret, signature = key.rpartition("_")[2], token.rpartition(".")[2]
    secrets = [key_secret[:-1], signature[:-1], signing, PASSWORD, HOOK, MASTER, CREDENTIAL]
    for secret in secrets:
        assert secret not in said.getvalue(), secret
        assert secret not in spans, secret
    assert key_secret not in keys.read_text()
    assert (config.state_dir / "webhooks.sqlite3").exists()

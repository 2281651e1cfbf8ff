"""Secrets and a document's words, planted in the local mesh, and everything that it tells searched.

Every way in is used well and badly, stores and brokers that want passwords are away, and a process
dies by a fault: nothing of it may be in logs, spans, answers or files.
"""

import asyncio
import io
import json
import resource
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from gateway.security.keys import create_key
from meshkit.errors import PagemeshError
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh
from tests.e2e.conftest import wait_until_gone

WORD = "ZEPHYRINE"
"""Stands on the document; the reader reads it."""
SECRETS = {
    name: f"{name.replace('_', '-')}-4711"
    for name in ("s3_key", "sasl", "redis", "webhook", "location", "signature", "password")
}


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def page() -> bytes:
    image = Image.new("L", (900, 1200), 255)
    fonts = Path(__file__).parents[2] / "training/fonts"
    font = ImageFont.truetype(str(fonts / "arimo-latin-400-normal.woff"), 48)
    ImageDraw.Draw(image).text((100, 200), f"Name: {WORD}", 0, font)
    file = io.BytesIO()
    image.save(file, "PNG", dpi=(100, 100))
    return file.getvalue()


@pytest.fixture
def key(tmp_path: Path) -> str:
    return create_key(tmp_path / "keys.json", "billing")


@pytest.fixture
async def mesh(
    tmp_path: Path, nobody: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LocalMesh]:
    (tmp_path / "sasl").write_text(SECRETS["sasl"])
    variables = {
        "PAGEMESH_GATEWAY_API_KEYS_FILE": str(tmp_path / "keys.json"),
        "PAGEMESH_GATEWAY_CACHE_URL": f"redis://:{SECRETS['redis']}@{nobody}/0",
        "PAGEMESH_GATEWAY_LIMITS_URL": f"redis://:{SECRETS['redis']}@{nobody}/1",
        "PAGEMESH_GATEWAY_REQUEST_RATE": "1000/second",
        "PAGEMESH_GATEWAY_WEBHOOK_SECRETS": SECRETS["webhook"],
        "PAGEMESH_GATEWAY_OIDC_ISSUER": f"http://{nobody}",
        "PAGEMESH_GATEWAY_OIDC_AUDIENCE": "pagemesh",
        "PAGEMESH_ORCHESTRATOR_ALLOWED_HOSTS": nobody,
        "PAGEMESH_ORCHESTRATOR_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PAGEMESH_ORCHESTRATOR_S3_BUCKETS": "forms",
        "PAGEMESH_ORCHESTRATOR_S3_ENDPOINT": f"http://{nobody}",
        "PAGEMESH_ORCHESTRATOR_KAFKA_BROKERS": nobody,
        "PAGEMESH_ORCHESTRATOR_KAFKA_REGISTRY": f"http://ann:{SECRETS['sasl']}@{nobody}",
        "PAGEMESH_ORCHESTRATOR_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "PAGEMESH_ORCHESTRATOR_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "PAGEMESH_ORCHESTRATOR_KAFKA_USERNAME": "ann",
        "PAGEMESH_ORCHESTRATOR_KAFKA_PASSWORD_FILE": str(tmp_path / "sasl"),
        "AWS_ACCESS_KEY_ID": "ann",
        "AWS_SECRET_ACCESS_KEY": SECRETS["s3_key"],
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with LocalMesh(tmp_path / "state", None, lambda _: None) as mesh:
        yield mesh


async def test_planted_secrets_are_nowhere(
    mesh: LocalMesh, tmp_path: Path, page: bytes, key: str, nobody: str
) -> None:
    answers = [await well(mesh, page, key), *await badly(mesh, key, nobody)]
    assert_no_cores(mesh)
    await crash(mesh, "orchestrator")
    state = tmp_path / "state"
    told = dict(files_in(state / "logs"))
    told |= {"spans": spans_in(state / "spans.sqlite3"), "answers": json.dumps(answers).encode()}
    kept = dict(files_in(state))
    secrets = SECRETS | {"api_key": key.rpartition("_")[2]}
    for name in ("location", "signature", "password"):
        # As long as their document is kept, they are: its pages are drawn by them.
        assert all(secrets[name].encode() not in content for content in told.values()), name
        del secrets[name]
    for name, secret in secrets.items():
        found = [place for place, text in (told | kept).items() if secret.encode() in text]
        assert found == [], name
    del told["answers"]
    assert [place for place, text in told.items() if WORD.encode() in text] == []
    assert any(WORD.encode() in content for content in kept.values()), "it was not read"


async def well(mesh: LocalMesh, page: bytes, key: str) -> Any:
    """A document is read, with a password that it does not need, by REST."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=mesh.gateway_url, headers=headers, timeout=60) as http:
        fields = {"request_id": "well", "pipeline": "text", "password": SECRETS["password"]}
        files = {"file": ("page.png", page)}
        sent = await http.post("/v1/documents", files=files, data=fields)
        assert sent.status_code == 202, sent.text
        found = await ended(http, "well")
        assert WORD in json.dumps(found["result"])
        return sent.json()


async def badly(mesh: LocalMesh, key: str, nobody: str) -> list[Any]:
    """Locations with credentials whose hosts are away, by both doors; keys that are none."""
    location, signature = SECRETS["location"], SECRETS["signature"]
    locations = {
        "away": f"https://{location}:{location}@{nobody}/form.pdf?sig={signature}",
        "refused": f"https://{location}:{location}@other.example/form.pdf?sig={signature}",
        "object": "s3://forms/form.pdf",
        "malformed": f"https://{location}:{location}@[/form.pdf?sig={signature}",
    }
    answers: list[Any] = []
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=mesh.gateway_url, headers=headers, timeout=60) as http:
        for name, where in locations.items():
            sent = await http.post("/v1/documents", json={"location": where, "request_id": name})
            answers.append(sent.json())
            if sent.status_code == 202:
                answers.append(await ended(http, name))
        for wrong in (f"{key[:-1]}x", f"x.{signature}.y"):
            refused = await http.get("/v1/documents", headers={"Authorization": f"Bearer {wrong}"})
            assert refused.status_code in {401, 503}
            answers.append(refused.json())
    async with AsyncClient(mesh.address) as client:
        for name, where in locations.items():
            try:
                whole = await client.analyze(where, request_id=f"grpc-{name}").collect()
                answers.append(str(whole))
            except PagemeshError as error:
                answers.append([error.message, error.reason, error.metadata])
    assert len(answers) >= 10
    return answers


def files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below, and what is in it."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()


async def ended(http: httpx.AsyncClient, name: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = (await http.get(f"/v1/documents/{name}")).json()
            if found["status"] not in {"queued", "processing"}:
                return found
            await asyncio.sleep(0.1)


def assert_no_cores(mesh: LocalMesh) -> None:
    """The kernel writes no memory of any process to a file or a program."""
    for name, service in mesh.services.items():
        assert service.process is not None
        limits = resource.prlimit(service.process.pid, resource.RLIMIT_CORE)
        assert limits == (1, 1), name


async def crash(mesh: LocalMesh, name: str) -> None:
    """A process ends by a fault, and is started again."""
    process = mesh.services[name].process
    assert process is not None
    killed = psutil.Process(process.pid)
    killed.send_signal(signal.SIGSEGV)
    assert await asyncio.to_thread(wait_until_gone, [killed]) == []
    await asyncio.sleep(1)  # the mesh waits half as long
    await mesh.services[name].serving()


def spans_in(path: Path) -> bytes:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT * FROM spans").fetchall()
    database.close()
    assert rows
    return repr(rows).encode()

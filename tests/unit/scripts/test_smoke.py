"""`make deploy`'s sample through a door that asks for a token."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from tests.mesh.certificates import Authority

TOKEN = "a-good-token"  # noqa: S105 - opens this test's door alone
_SMOKE = """
import sys
from pathlib import Path
from scripts.deploy.cluster import DeployError
from scripts.deploy.smoke import credential, smoke

try:
    print(smoke(sys.argv[1], credential(Path(sys.argv[2]) if sys.argv[2] else None)))
except DeployError as error:
    print(error)
"""


class Door(grpc.GenericRpcHandler):
    """Knows no pipelines, and answers other calls with a page, for who shows the token."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        async def serve(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "RBAC: access denied")
            async for _ in requests:
                pass
            if str(details.method).endswith("/ListPipelines"):
                yield b""
                return
            answer = pb.AnalyzeDocumentResponse()
            answer.page.page_number = 1
            yield answer.SerializeToString()

        return grpc.stream_stream_rpc_method_handler(serve)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    authority = Authority("test")
    authority.write(tmp_path / "authority.pem")
    authority.issue(tmp_path, "own", x509.DNSName("localhost"))
    pair = ((tmp_path / "own.key").read_bytes(), (tmp_path / "own.pem").read_bytes())
    server = grpc.aio.server(handlers=[Door()])
    bound = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    yield bound
    await server.stop(None)


async def said(folder: Path, address: str, file: str = "", **environ: str) -> str:
    """By a process of its own: gRPC reads once in a process whom it trusts."""
    trusted = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(folder / "authority.pem")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SMOKE, address, file),
        env={**os.environ, **trusted, "PAGEMESH_API_KEY": "", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_a_credential_comes_from_a_file_or_the_environment(tmp_path: Path, port: int) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    door = f"grpcs://localhost:{port}"
    read = f"application_form.pdf read through {door}: 1 pages\n"
    assert await said(tmp_path, door, str(tmp_path / "token")) == read
    assert await said(tmp_path, door, PAGEMESH_API_KEY=TOKEN) == read


async def test_a_door_that_is_closed_says_what_was_not_given(tmp_path: Path, port: int) -> None:
    told = await said(tmp_path, f"grpcs://localhost:{port}")
    assert f"was not read through grpcs://localhost:{port}: RBAC: access denied" in told
    assert "no credential was given: PAGEMESH_API_KEY or SMOKE_KEY_FILE" in told


async def test_a_credential_that_is_wrong_is_never_printed(tmp_path: Path, port: int) -> None:
    told = await said(tmp_path, f"grpcs://localhost:{port}", PAGEMESH_API_KEY="a-wrong-token")
    assert "was not read" in told
    assert "a-wrong-token" not in told
    assert "no credential" not in told

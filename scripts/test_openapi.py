"""schemathesis against a gateway with a real orchestrator, whose models are fakes.

    python -m scripts.test_openapi [examples of each operation]

Exits with schemathesis' own code: 0 when nothing failed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.server import server_of
from orchestrator.testing import running_orchestrator

PHASES = "examples,coverage,fuzzing,stateful"


async def judge(examples: int) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        roots = (folder / "gateway" / "uploads",)
        async with running_orchestrator(folder / "orchestrator", file_roots=roots) as running:
            config = GatewayConfig(
                port=0, state_dir=folder / "gateway", orchestrator_target=running.address
            )
            server = server_of(create_app(config), config)
            serving = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.05)
            code = await _run(f"http://{server.address}/openapi.json", examples)
            server.should_exit = True
            await serving
    return code


async def _run(url: str, examples: int) -> int:
    program = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(
        *(program, "run", url, "--checks", "all", "--max-examples", str(examples)),
        *("--phases", PHASES, "--no-color"),
    )
    return await process.wait()


def main() -> None:
    sys.exit(asyncio.run(judge(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))


if __name__ == "__main__":
    main()

"""What the five sidecars cost the mesh: in pages per second, and in processor time.

The mesh as `make run` starts it, beside one whose orchestrator calls the models themselves; both
send their spans. They read the same document turn by turn, the other one first every other time.
Pages per second wander on a busy machine more than a sidecar costs; processor time does so less.
"""

import contextlib
import tempfile
from pathlib import Path
from statistics import median

import psutil

from bench.report import Figure
from bench.throughput import pages_a_second
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import MODELS, LocalMesh, sidecar_of

TARGET = 0.99
SHARE_TARGET = 0.01


async def measure_sidecars(rounds: int) -> list[Figure]:
    """Both figures, of twice as many turns as there are rounds."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    spent = {"sidecars": 0.0, "all": 0.0}
    async with contextlib.AsyncExitStack() as stack:
        clients, meshes = {}, {}
        for has_sidecars in rates:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            mesh = LocalMesh(folder, 0, lambda _: None, with_sidecars=has_sidecars)
            meshes[has_sidecars] = await stack.enter_async_context(mesh)
            clients[has_sidecars] = await stack.enter_async_context(AsyncClient(mesh.address))
            await pages_a_second(clients[has_sidecars])
        for turn in range(2 * rounds):
            for has_sidecars in (turn % 2 == 0, turn % 2 == 1):
                before = _processor_seconds(meshes[True])
                rates[has_sidecars].append(await pages_a_second(clients[has_sidecars]))
                if has_sidecars:
                    after = _processor_seconds(meshes[True])
                    for who in spent:
                        spent[who] += after[who] - before[who]
    ratio = median(a / b for a, b in zip(rates[True], rates[False], strict=True))
    share = spent["sidecars"] / spent["all"]
    return [
        Figure(
            name="mesh throughput with five sidecars",
            value=median(rates[True]),
            unit="pages/s",
            compared_with="the same mesh without sidecars",
            baseline=median(rates[False]),
            ratio=ratio,
            target=f">= {TARGET}",
            met=ratio >= TARGET,
        ),
        Figure(
            name="processor time of five sidecars",
            value=spent["sidecars"] / len(rates[True]),
            unit="s/document",
            compared_with="all processes of the mesh",
            baseline=spent["all"] / len(rates[True]),
            ratio=share,
            target=f"<= {SHARE_TARGET}",
            met=share <= SHARE_TARGET,
        ),
    ]


def _processor_seconds(mesh: LocalMesh) -> dict[str, float]:
    """User and system time so far, of the sidecars and of all processes with their children."""
    sidecars, whole = 0.0, 0.0
    for name, service in mesh.services.items():
        if service.process is None:
            raise RuntimeError(f"{name} does not run")
        process = psutil.Process(service.process.pid)
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):  # a page's worker has ended
                times = member.cpu_times()
                whole += times.user + times.system
                if name in map(sidecar_of, MODELS):
                    sidecars += times.user + times.system
    return {"sidecars": sidecars, "all": whole}

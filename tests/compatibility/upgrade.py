"""A rolling upgrade of real code: an earlier revision and this one side by side on one store.

`python -m tests.compatibility.upgrade REVISION` (`make test-upgrade FROM=`). Two gateways and two
orchestrators of the revision share a MongoDB each and are replaced one after the other by those of
now, while documents come to both gateways. Exits 0 when each document has one outcome, told alike
by both gateways whichever code they run, and what was said of a field stays.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from infra.others import MemoryMongo
from infra.service import free_port
from orchestrator.config import MODELS
from orchestrator.testing import tiff
from pagemesh.aio import AsyncClient
from scripts.generate_stubs import ROOT
from tests.chaos.requests import Account, see_through, send_all
from tests.compatibility.gateway import scratch
from tests.faults.processes import Process

_PAUSE_SECONDS = 3.0
_LIMIT_SECONDS = 240.0
_FIELD = (1, 0)
_SAID = "Anna"


class Mesh:
    """Two of each, all of the same code at first.

    Attributes:
        processes: by name, in the order in which they are replaced.
        urls: of the gateways.
    """

    def __init__(self, folder: Path, code: Path, mongo: MemoryMongo, models: int) -> None:
        roots = ",".join(str(folder / f"gateway-{n}" / "uploads") for n in (1, 2))
        self.processes: dict[str, Process] = {}
        self.urls = []
        for number in (1, 2):
            door, port = free_port(), free_port()
            given = {
                "orchestrator": {
                    "port": door,
                    "store_url": mongo.database_url("orchestrators"),
                    "store_lease_seconds": 2,
                    "file_roots": roots,
                    **{f"{model}_target": f"127.0.0.1:{models}" for model in MODELS},
                },
                "gateway": {
                    "port": port,
                    "store_url": mongo.database_url("gateways"),
                    "orchestrator_target": f"127.0.0.1:{door}",
                },
            }
            for room, knobs in given.items():
                name = f"{room}-{number}"
                knobs["state_dir"] = folder / name
                variables = {
                    f"PAGEMESH_{room.upper()}_{knob.upper()}": str(value)
                    for knob, value in knobs.items()
                }
                self.processes[name] = Process(name, [room], variables, folder, code)
            self.urls.append(f"http://127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def running_mesh(folder: Path, code: Path) -> AsyncIterator[Mesh]:
    """Everything, until the block ends."""
    with contextlib.ExitStack() as stack:
        mongo = MemoryMongo(folder / "mongo", free_port())
        mongo.start()
        stack.callback(mongo.stop)
        port = free_port()
        models = Process("models", ["tests.chaos.model", str(port), "0", "1"], {}, folder)
        mesh = Mesh(folder, code, mongo, port)
        for process in (models, *mesh.processes.values()):
            stack.callback(process.kill)
            process.start()
        yield mesh


async def run(folder: Path, code: Path, count: int) -> Account:
    account = Account()
    async with contextlib.AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(running_mesh(folder, code))
        one, two = [await stack.enter_async_context(AsyncClient(url)) for url in mesh.urls]
        for number, client in enumerate((one, two)):
            first = see_through(client, f"first-{number}", tiff(1), Account())
            await asyncio.wait_for(first, 120)
        await two.analyze(tiff(2), request_id="corrected", pipeline="forms").collect()
        clients = {"one": one, "two": two}
        seconds = (len(mesh.processes) + 1) * _PAUSE_SECONDS
        sending = asyncio.create_task(send_all(clients, count, seconds, 1, account))
        for name, process in mesh.processes.items():
            await asyncio.sleep(_PAUSE_SECONDS)
            await asyncio.to_thread(process.stop)
            process.code = None
            process.start()
            print(f"replaced {name}")
            if name == "gateway-1":
                await see_through(one, "after", tiff(1), account)
                tag = (await one.corrections("corrected")).etag
                await one.correct("corrected", {_FIELD: _SAID}, tag)
                await told_alike(clients, account)
        await asyncio.wait_for(sending, _LIMIT_SECONDS)
        await told_alike(clients, account)
        for name, client in clients.items():
            await see_through(client, f"{name}-last", tiff(1), account)
            values = (await client.corrections("corrected")).values
            if values != {_FIELD: _SAID}:
                account.wrong.append(f"what was said of a field, by {name}: {values}")
    return account


async def told_alike(clients: dict[str, AsyncClient], account: Account) -> None:
    """What has ended is told by both gateways as it was told first."""
    for name in list(account.outcomes):
        for client in clients.values():
            account.ended(name, await client.get(name))


@contextlib.contextmanager
def code_of(revision: str) -> Iterator[Path]:
    """A folder with the files of a revision."""
    with scratch() as folder:
        archive = subprocess.run(
            ["git", "archive", revision], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
        yield folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision", help="that is replaced, as git names it")
    parser.add_argument("--requests", type=int, default=30, help="by each gateway")
    given = parser.parse_args()
    with scratch() as folder, code_of(given.revision) as code:
        account = asyncio.run(run(folder, code, given.requests))
    for line in account.wrong:
        print(f"WRONG {line}")
    for told, times in sorted(account.refusals.items()):
        print(f"{times:4} refused: {told}")
    print(f"{len(account.outcomes)} documents, {len(account.wrong)} wrong")
    return 1 if account.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Mixed documents through the whole local mesh for long: every process stays flat, results right.

`python -m tests.load.soak --minutes 60` (`make soak MINUTES=60`). The samples, one of them broken,
come by gRPC and by the gateway, some are cancelled. Exits 0 when each document's result is the
first one's, word for word, nobody died, and memory, descriptors, threads and disk of the last
quarter are those of the second.
"""

import argparse
import asyncio
import hashlib
import itertools
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from meshkit.errors import PagemeshError
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from tests.load.watching import DISK, Growth, Watch

_SAMPLES = Path(__file__).parents[2] / "samples"
_NAMES = (
    *("receipt.jpg", "skewed.png", "ticked_and_signed.png", "wrong_type.png", "upside_down.jpg"),
    *("pages.tiff", "application_form.pdf"),
)
_CANCELLED_SHARE = 0.05
_RETENTION_SECONDS = 60
_AT_ONCE = 3


class Soak:
    """What came out.

    Attributes:
        answers: digest of the first result of each document.
        wrong: what must not happen, a line each.
        done: documents by how they ended.
    """

    def __init__(self, clients: list[AsyncClient], documents: list[Path], seed: int) -> None:
        self.answers: dict[str, str] = {}
        self.wrong: list[str] = []
        self.done: Counter[str] = Counter()
        self._clients, self._documents = clients, documents
        self._chance = random.Random(seed)  # noqa: S311 - which document is next

    async def run(self, until: float) -> None:
        """Send documents, so many at once."""
        numbers = itertools.count()

        async def send() -> None:
            while time.monotonic() < until:
                await self._one(next(numbers))

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(send())

    async def _one(self, number: int) -> None:
        path = self._chance.choice(self._documents)
        client = self._clients[number % len(self._clients)]
        try:
            if self._chance.random() < _CANCELLED_SHARE:
                await self._cancel(client, path)
            else:
                await self._read(client, path)
        except PagemeshError as error:
            self.wrong.append(f"{path.name}: {error.code.name} {error.message}")

    async def _read(self, client: AsyncClient, path: Path) -> None:
        stream = client.analyze(path, options={"ocr.tier": "fast"})
        pages = [page async for page in stream]
        account = stream.document.pages
        if account.total != account.ok + account.failed + account.skipped:
            self.wrong.append(f"{path.name}: its pages do not add up: {account}")
        found = _digest(pages)
        if self.answers.setdefault(path.name, found) != found:
            self.wrong.append(f"{path.name}: another result than the first")
        self.done["read"] += 1

    async def _cancel(self, client: AsyncClient, path: Path) -> None:
        document = await client.submit(path, options={"ocr.tier": "fast"})
        await asyncio.sleep(self._chance.random())
        await client.cancel(document.request_id)
        self.done["cancelled"] += 1


def _digest(pages: list[PageResult]) -> str:
    """Of all that was found, but for times, scores and who found it."""
    found = hashlib.sha256()
    for page in sorted(pages, key=lambda page: page.page_number):
        found.update(f"{page.page_number} {page.outcome} {page.classify.label}".encode())
        found.update("\n".join(line.text for line in page.ocr.lines).encode())
        found.update(str([box.checked for box in page.checkbox.checkboxes]).encode())
        found.update(str(len(page.signature.signatures)).encode())
        found.update(str(sorted((field.name, field.value) for field in page.fields)).encode())
    return found.hexdigest()


def _documents(folder: Path) -> list[Path]:
    """The samples, and one that is cut off in its middle."""
    broken = folder / "broken.pdf"
    content = (_SAMPLES / "application_form.pdf").read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    return [*(_SAMPLES / name for name in _NAMES), broken]


async def _soak(folder: Path, minutes: float, seed: int) -> list[str]:
    say = Console(highlight=False, soft_wrap=True).print
    state = folder / "state"
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(LocalMesh(state, None, say, with_gateway=True))
        clients = [
            await stack.enter_async_context(AsyncClient(address))
            for address in (mesh.address, mesh.gateway_url)
        ]
        soak, watch = Soak(clients, _documents(folder), seed), Watch(mesh, state)
        async with watch.running():
            await soak.run(time.monotonic() + 60 * minutes)
        say(f"seed {seed}: {dict(soak.done)}, {len(soak.answers)} different documents")
        return [*soak.wrong, *_judge(watch, say)]


def _judge(watch: Watch, say: Callable[[str], None]) -> list[str]:
    wrong = [f"{name} died" for name in watch.deaths]
    say(f"{'':20} {'MB':>14} {'descriptors':>13} {'threads':>11}")
    for name, samples in watch.samples.items():
        growth = Growth.of(samples)
        early, late = growth.early, growth.late
        say(
            f"{name:20} {early.megabytes:5.0f} -> {late.megabytes:5.0f} "
            f"{early.descriptors:4} -> {late.descriptors:4}  {early.threads:3} -> {late.threads:3}"
        )
        if not growth.is_flat:
            wrong.append(f"{name} grows" + (" (files)" if name == DISK else ""))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for room in ("ORCHESTRATOR", "GATEWAY"):
        os.environ[f"PAGEMESH_{room}_RETENTION_SECONDS"] = str(_RETENTION_SECONDS)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        wrong = asyncio.run(_soak(Path(folder), options.minutes, options.seed))
    for line in wrong:
        sys.stdout.write(f"WRONG {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Sends every file of a folder through the local mesh, and looks at what that did to it.

`python -m tests.hostile DIR`: exits 0 when each file got a result whose pages add up or a clear
error, in time, and no process of the mesh died, outgrew its limit, or kept a descriptor or a file.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import grpc
from google.rpc.status_pb2 import Status
from rich.console import Console
from rich.progress import track

from meshkit.errors import PagemeshError
from meshkit.status import error_of
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.hostile.corpus import make_corpus
from tests.hostile.footprint import Footprint, footprints, left_in, readers, settle

_GRACE_SECONDS = 15.0
"""What an answer may take beyond the document's own time."""
_SPARE_DESCRIPTORS = 24
"""Connections that a process keeps for later calls."""
_LEAKY_TEXT = ("Traceback", 'File "', "/site-packages/")
_UNCLEAR = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
_UNCLEAR_CODES = {code.value[0] for code in _UNCLEAR}


class Verdict:
    """What happened to the files.

    Attributes:
        kinds: how often each way of ending.
        wrong: what must not happen, a line each.
        slowest: seconds and name of the file that took longest.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = (0.0, "")

    def take_account(self, name: str, account: documents.Document) -> None:
        pages = account.pages
        self.take_status(name, account.error)
        state = documents.DocumentState.Name(account.state).removeprefix("DOCUMENT_STATE_")
        reason = error_of(account.error).reason if account.HasField("error") else ""
        self.kinds[f"{state} {reason}".rstrip()] += 1
        if pages.total != pages.ok + pages.failed + pages.skipped:
            self.wrong.append(f"{name}: pages do not add up: {pages}")

    def take_error(self, name: str, error: PagemeshError) -> None:
        self.kinds[f"{error.code.name} {error.reason}"] += 1
        if error.code in _UNCLEAR or not error.reason:
            self.wrong.append(f"{name}: {error.code.name} {error.reason}: {error.message}")
        self.look_at_text(name, error.message)

    def take_page(self, name: str, page: documents.PageResult) -> None:
        for error in (page.error, *(step.error for step in page.steps)):
            self.take_status(f"{name} page {page.page_number}", error)

    def take_status(self, name: str, error: Status) -> None:
        if error.code in _UNCLEAR_CODES:
            self.wrong.append(f"{name}: {error.message}")
        self.look_at_text(name, error.message)

    def look_at_text(self, name: str, text: str) -> None:
        if any(leak in text for leak in _LEAKY_TEXT):
            self.wrong.append(f"{name}: its message shows our inside: {text[:200]}")

    def take_time(self, name: str, seconds: float, limit: float) -> None:
        self.slowest = max(self.slowest, (seconds, name))
        if seconds > limit + _GRACE_SECONDS:
            self.wrong.append(f"{name}: {seconds:.0f} s; the limit is {limit:g} s")


async def _read(client: AsyncClient, path: Path, limit: float, verdict: Verdict) -> None:
    started = time.monotonic()
    try:
        async with asyncio.timeout(limit + 2 * _GRACE_SECONDS):
            stream = client.analyze(path, timeout=limit)
            async for page in stream:
                verdict.take_page(path.name, page)
            verdict.take_account(path.name, stream.document)
    except PagemeshError as error:
        verdict.take_error(path.name, error)
    except TimeoutError:
        verdict.wrong.append(f"{path.name}: no answer")
    verdict.take_time(path.name, time.monotonic() - started, limit)


async def _read_all(
    address: str, files: Sequence[Path], options: argparse.Namespace, verdict: Verdict
) -> None:
    turns = asyncio.Semaphore(options.at_once)

    async def read(path: Path) -> None:
        async with turns:
            await _read(client, path, options.seconds, verdict)

    async with AsyncClient(address) as client:
        reading = [asyncio.ensure_future(read(path)) for path in files]
        for done in track(
            asyncio.as_completed(reading), "reading", len(reading), console=Console(stderr=True)
        ):
            await done


def _compare(
    before: dict[str, Footprint], after: dict[str, Footprint], limit: int, verdict: Verdict
) -> None:
    for name, was in before.items():
        now = after.get(name)
        if now is None or now.pid != was.pid:
            verdict.wrong.append(f"{name} died")
            continue
        if now.peak_bytes > limit:
            verdict.wrong.append(f"{name} held {now.peak_bytes / 1e6:.0f} MB")
        if now.descriptors > was.descriptors + _SPARE_DESCRIPTORS:
            verdict.wrong.append(f"{name}: {was.descriptors} descriptors became {now.descriptors}")


async def _judge(files: Sequence[Path], options: argparse.Namespace, scratch: Path) -> Verdict:
    verdict = Verdict()
    console = Console(stderr=True)
    async with LocalMesh(scratch / "state", None, console.print, with_gateway=False) as mesh:
        await _read_all(mesh.address, files[:1], options, Verdict())  # every connection is open
        before = footprints(mesh)
        await _read_all(mesh.address, files, options, verdict)
        held = {name: was.descriptors for name, was in before.items()}
        await asyncio.to_thread(settle, mesh, held, _SPARE_DESCRIPTORS, 20.0)
        after = footprints(mesh)
        _compare(before, after, options.memory_mb * 1_000_000, verdict)
        if readers(mesh) > 1:
            verdict.wrong.append(f"{readers(mesh)} readers of documents are left; 1 is the spare")
        verdict.wrong += [f"left behind: {path}" for path in left_in(scratch / "tmp")]
        verdict.wrong += [f"left behind: {path}" for path in left_in(scratch / "shared")]
        _report(before, after, verdict)
    return verdict


def _report(before: dict[str, Footprint], after: dict[str, Footprint], verdict: Verdict) -> None:
    say = Console(highlight=False, soft_wrap=True, markup=False).print
    for kind, count in verdict.kinds.most_common():
        say(f"{count:6} {kind}")
    say(f"slowest: {verdict.slowest[1]} took {verdict.slowest[0]:.1f} s")
    for name, now in after.items():
        was = before[name]
        say(
            f"{name:20} {was.resident_bytes / 1e6:6.0f} -> {now.resident_bytes / 1e6:6.0f} MB, "
            f"at most {now.peak_bytes / 1e6:6.0f}, "
            f"{was.descriptors:3} -> {now.descriptors:3} descriptors"
        )
    for line in verdict.wrong:
        say(f"WRONG {line}")
    say(f"{sum(verdict.kinds.values())} files, {len(verdict.wrong)} wrong")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="made from the samples when left out")
    parser.add_argument("--count", type=int, default=60, help="of files made from the samples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="for one document")
    parser.add_argument("--memory-mb", type=int, default=1500, help="for one process of the mesh")
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
        folder = options.folder or scratch / "corpus"
        for made in (scratch / "tmp", scratch / "shared", scratch / "corpus"):
            made.mkdir()
        if options.folder is None:
            make_corpus(folder, options.count, options.seed)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if not files:
            parser.error(f"there are no files in {folder}")
        os.environ["PAGEMESH_ORCHESTRATOR_SCRATCH_DIR"] = str(scratch / "tmp")
        os.environ["PAGEMESH_ORCHESTRATOR_SHARED_PAGES_DIR"] = str(scratch / "shared")
        verdict = asyncio.run(_judge(files, options, scratch))
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

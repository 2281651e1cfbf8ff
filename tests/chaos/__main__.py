"""Faults of every kind at random moments, while documents come by gRPC and by the gateway.

`python -m tests.chaos --seed 1 --requests 60` (`make chaos SEED=1`). The models are fakes, a share
of whose answers is damaged; everything else is real. Exits 0 when each id has one outcome, told
again as it was told first, pages add up, nobody hangs, and every refusal is one that passes.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
from pathlib import Path

from pagemesh.aio import AsyncClient
from tests.chaos.faults import Tormentor
from tests.chaos.house import running_house
from tests.chaos.packets import leave_network
from tests.chaos.requests import Account, see_through, send_all


async def run(folder: Path, given: argparse.Namespace, *, loses_packets: bool) -> bool:
    account = Account()
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(running_house(folder, given.seed))
        clients = {
            "grpc": await stack.enter_async_context(AsyncClient(house.orchestrator)),
            "rest": await stack.enter_async_context(AsyncClient(house.gateway)),
        }
        for door, client in clients.items():  # all serve before the first fault
            await asyncio.wait_for(see_through(client, f"{door}-first", b"II*\0", Account()), 90)
        tormentor = Tormentor(house, given.seed, loses_packets=loses_packets)
        for fault in tormentor.left_out:
            print(f"LEFT OUT {fault}: see docs/faults.md")
        sending = asyncio.create_task(
            send_all(clients, given.requests, given.seconds, given.seed, account)
        )
        await tormentor.torment(given.seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sending, given.limit_seconds)
        await _ask_again(clients, account)
    return report(account, tormentor, given)


async def _ask_again(clients: dict[str, AsyncClient], account: Account) -> None:
    for name in list(account.outcomes):
        account.ended(name, await clients[name.partition("-")[0]].get(name))


def report(account: Account, tormentor: Tormentor, given: argparse.Namespace) -> bool:
    expected = {f"{door}-{n}" for door in ("grpc", "rest") for n in range(given.requests)}
    missing = sorted(expected - account.outcomes.keys())
    for fault, count in sorted(tormentor.done.items()):
        print(f"{count:4} {fault}")
    for link, count in sorted(tormentor.lost.items()):
        print(f"{count:4} packets lost: {link}")
    print(f"{len(account.shifted):4} documents dated by a clock that had jumped")
    for told, count in sorted(account.refusals.items()):
        print(f"{count:4} refused: {told}")
    for line in (*account.wrong[:20], *(f"{name}: no outcome" for name in missing[:20])):
        print(f"WRONG {line}")
    print("| seed | faults | ids | outcomes | missing | wrong |")
    faults, outcomes = tormentor.done.total(), len(account.outcomes)
    print(
        f"| {given.seed} | {faults} | {len(expected)} | {outcomes} | {len(missing)} "
        f"| {len(account.wrong)} |"
    )
    return not (missing or account.wrong)


def _has_own_network() -> bool:
    try:
        leave_network()
    except OSError as error:
        print(f"no network of its own: {error}")
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - chance, not a secret
    parser.add_argument("--requests", type=int, default=60, help="by each door")
    parser.add_argument("--seconds", type=float, default=60, help="of faults")
    parser.add_argument("--limit-seconds", type=float, default=120, help="after the last fault")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    folder = Path(tempfile.mkdtemp(prefix="pagemesh-chaos-"))
    is_well = asyncio.run(run(folder, given, loses_packets=_has_own_network()))
    if is_well:
        shutil.rmtree(folder)
    else:
        print(f"logs are in {folder}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

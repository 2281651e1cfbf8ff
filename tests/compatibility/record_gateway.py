"""Records what this release's gateway answers and keeps, and what travels over Kafka.

`python -m tests.compatibility.record_gateway tests/compatibility/recorded/VERSION`, once, when a
release is made, as `tests.compatibility.record`. Brokers, registry and a MongoDB are started for it
(`make infra-setup`); `--only sqlite` does without.
"""

import argparse
import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from infra.others import MemoryMongo
from infra.service import free_port
from tests.compatibility.gateway import (
    ANYWHERE,
    dump,
    gateway_before_fakes,
    make_documents,
    move,
    scratch,
    write_exchanges,
)
from tests.compatibility.kafka import record_kafka

PARTS = ("sqlite", "mongodb", "kafka")


async def record_sqlite(folder: Path) -> None:
    """REST, and the state of a gateway that has its store in files."""
    with scratch() as root:
        async with gateway_before_fakes(root) as (gateway, running):
            exchanges = await make_documents(gateway, running)
        write_exchanges(folder / "rest.json", exchanges)
        move(root / "gateway", root.as_uri(), ANYWHERE)
        shutil.copytree(root / "gateway", folder / "state", ignore=_apart_from_what_is_made_anew)


def _apart_from_what_is_made_anew(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "images" or name.endswith(("-wal", "-shm"))}


async def record_mongodb(folder: Path) -> None:
    """The documents of a gateway that has its store in MongoDB."""
    with scratch() as root, _mongo(root) as mongo:
        url = mongo.database_url("recorded")
        async with gateway_before_fakes(root, store_url=url) as (gateway, running):
            await make_documents(gateway, running)
        await dump(url, folder / "mongodb", root.as_uri())


@contextlib.contextmanager
def _mongo(folder: Path) -> Iterator[MemoryMongo]:
    mongo = MemoryMongo(folder / "mongo", free_port())
    mongo.start()
    try:
        yield mongo
    finally:
        mongo.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    folder: Path = given.folder / "gateway"
    record = {"sqlite": record_sqlite, "mongodb": record_mongodb, "kafka": record_kafka}
    for part in given.only:
        asyncio.run(record[part](folder if part != "kafka" else given.folder / "kafka"))


if __name__ == "__main__":
    main()

"""Real services, one of each for all tests of a session; tests that use one share a worker."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from infra.downloads import ServiceError
from infra.kafka_broker import KafkaBroker
from infra.others import S3, MemoryMongo, Mongo, Redis, SchemaRegistry
from infra.service import Service, free_port
from tests.conftest import SERVICES

ServiceT = TypeVar("ServiceT", bound=Service)


def running(
    kind: type[ServiceT], request: pytest.FixtureRequest, folders: pytest.TempPathFactory
) -> Iterator[ServiceT]:
    """The service; tests that need one which cannot be had here are skipped with the reason."""
    service = kind(folders.mktemp(kind.name), free_port())
    try:
        service.start()
    except ServiceError as error:
        request.config.stash.setdefault(SERVICES, set()).add(f"no {kind.name}: {error}")
        pytest.skip(f"{kind.name}: {error}")
    request.config.stash.setdefault(SERVICES, set()).add(f"{kind.name}: {service.identity()}")
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaBroker]:
    yield from running(KafkaBroker, request, tmp_path_factory)


@pytest.fixture(scope="session")
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SchemaRegistry]:
    yield from running(SchemaRegistry, request, tmp_path_factory)


@pytest.fixture(scope="session")
def redis(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Redis]:
    yield from running(Redis, request, tmp_path_factory)


@pytest.fixture(scope="session")
def mongo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mongo]:
    yield from running(Mongo, request, tmp_path_factory)


@pytest.fixture(scope="session")
def memory_mongo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MemoryMongo]:
    yield from running(MemoryMongo, request, tmp_path_factory)


@pytest.fixture(scope="session")
def s3(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    yield from running(S3, request, tmp_path_factory)

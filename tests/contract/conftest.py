"""The servers under test: every folder of `servers/` that has a `service.py`.

A server needs nothing but the names that the convention gives it (`SERVICE`, `create_model`, one
subclass of `ServerConfig`), so a new one is tested as soon as it exists.
"""

import contextlib
import importlib
import inspect
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest

import servers
from meshkit.config import ServerConfig
from meshkit.errors import PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel
from meshkit.server import MeshServer
from meshkit.serving import PageService, PageServicer
from meshkit.testing import PageClient, WatchedModel, running_server


def server_names() -> list[str]:
    """Every server there is."""
    folders = {Path(folder) for folder in servers.__path__}
    return sorted(path.parent.name for f in folders for path in f.glob("*/service.py"))


class Kept(PageModel[Any, Any]):
    """A model that is loaded once and stays loaded for all tests."""

    def __init__(self, model: PageModel[Any, Any]) -> None:
        self._model, self._identity = model, model.load()
        self.concurrent = model.concurrent

    def load(self) -> ModelIdentity:
        return self._identity

    def predict(self, pages: Sequence[PageInput[Any]]) -> Sequence[Any | PagemeshError]:
        return self._model.predict(pages)

    def bucket(self, page: PageInput[Any]) -> Hashable:
        return self._model.bucket(page)

    def end(self) -> None:
        self._model.close()


@dataclass(frozen=True)
class ServerUnderTest:
    """One server of `servers/`.

    Attributes:
        name: of its folder.
        service: its contract.
        config_class: its configuration.
        model: loaded.
    """

    name: str
    service: PageService[Any, Any]
    config_class: type[ServerConfig]
    model: Kept

    @property
    def env_prefix(self) -> str:
        """Of its variables."""
        return str(self.config_class.model_config["env_prefix"])


@dataclass(frozen=True)
class Running:
    """A server that listens, with its model watched."""

    client: PageClient
    channel: grpc.aio.Channel
    server: MeshServer
    servicer: PageServicer[Any, Any]
    model: WatchedModel[Any, Any]


Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in server_names()],
)
def under_test(request: pytest.FixtureRequest) -> Any:
    name = request.param
    service = importlib.import_module(f"servers.{name}.service")
    config = importlib.import_module(f"servers.{name}.config")
    (config_class,) = (
        value
        for value in vars(config).values()
        if inspect.isclass(value) and issubclass(value, ServerConfig) and value is not ServerConfig
    )
    model = Kept(service.create_model(config_class()))
    yield ServerUnderTest(name, service.SERVICE, config_class, model)
    model.end()


@pytest.fixture
def serve(under_test: ServerUnderTest) -> Serve:
    """Starts the server on the loopback interface, with these configuration values."""

    @contextlib.asynccontextmanager
    async def start(**values: Any) -> AsyncIterator[Running]:
        config = under_test.config_class(**values)
        model: WatchedModel[Any, Any] = WatchedModel(under_test.model)
        servicer = PageServicer(under_test.service, model, config)
        async with running_server(servicer, config) as running:
            client = PageClient(running.channel, under_test.service)
            yield Running(client, running.channel, running.server, servicer, model)

    return start

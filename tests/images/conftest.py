"""The images, built by `make test-images`, as containers that Kubernetes would let run.

All containers of the mesh run once for all tests: a model and its sidecar share a Unix socket, as
in a pod, and the orchestrator calls the sidecars.
"""

import contextlib
import importlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from infra.containers import image_name, podman_says, running
from infra.service import wait_for_port
from meshkit.client import open_channel
from meshkit.config import ServerConfig
from meshkit.testing import PageClient
from orchestrator.config import MODELS
from tests.contract.conftest import ServerUnderTest, server_names

TAG = os.environ.get("IMAGES", "")
NOBODY = 10001
SOCKET = "/run/pagemesh/model.sock"
# What k8s/base gives them, or less.
MEMORY = {"sidecar": "384m", "orchestrator": "2g", "ocr": "2g"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.xdist_group("mesh"))
        item.add_marker(pytest.mark.timeout(600))
        if not TAG:
            item.add_marker(pytest.mark.skip("`make test-images` builds images and runs them"))


@dataclass(frozen=True)
class Containers:
    """What runs.

    Attributes:
        ports: where each model's sidecar, and the orchestrator, listens on 127.0.0.1.
        names: of the containers, `ocr`, `ocr-sidecar`, `orchestrator`.
    """

    ports: dict[str, int]
    names: dict[str, str]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    made = Containers({noun: free_port() for noun in (*MODELS, "orchestrator")}, {})
    with contextlib.ExitStack() as stack:
        for model in MODELS:
            shared = tmp_path_factory.mktemp(model)
            os.chown(shared, NOBODY, NOBODY)
            upper = model.upper()
            variables = {
                f"PAGEMESH_{upper}_UNIX_SOCKET": SOCKET,
                f"PAGEMESH_{upper}_DEVICE": "cpu",
                f"PAGEMESH_{upper}_INTRA_OP_THREADS": "1",
            }
            proxy = {
                "PAGEMESH_SIDECAR_NAME": model,
                "PAGEMESH_SIDECAR_LISTEN": f"127.0.0.1:{made.ports[model]}",
                "PAGEMESH_SIDECAR_UPSTREAM": f"unix:{SOCKET}",
                "PAGEMESH_SIDECAR_WAIT_SECONDS": "60",
            }
            for noun, name, given in (
                ("sidecar", f"{model}-sidecar", proxy),
                (model, model, variables),
            ):
                made.names[name] = _start(stack, noun, given, {shared: str(Path(SOCKET).parent)})
        state = tmp_path_factory.mktemp("state")
        os.chown(state, NOBODY, NOBODY)
        made.names["orchestrator"] = _start(
            stack, "orchestrator", _orchestrator(made.ports), {state: "/var/lib/pagemesh"}
        )
        for port in made.ports.values():
            wait_for_port(port)
        yield made


def _start(
    stack: contextlib.ExitStack, noun: str, variables: dict[str, str], volumes: dict[Path, str]
) -> str:
    image, memory = image_name(noun, TAG), MEMORY.get(noun, "1g")
    return stack.enter_context(running(image, variables, memory=memory, volumes=volumes))


def _orchestrator(ports: dict[str, int]) -> dict[str, str]:
    given = {
        "PORT": str(ports["orchestrator"]),
        "STATE_DIR": "/var/lib/pagemesh/documents",
        **{f"{model.upper()}_TARGET": f"127.0.0.1:{ports[model]}" for model in MODELS},
    }
    return {f"PAGEMESH_ORCHESTRATOR_{name}": value for name, value in given.items()}


@pytest.fixture(scope="session", params=server_names())
def under_test(request: pytest.FixtureRequest) -> ServerUnderTest:
    """As the contract suite has it, but the model is in the container alone."""
    name = request.param
    service = importlib.import_module(f"servers.{name}.service").SERVICE
    absent: Any = None
    return ServerUnderTest(name, service, ServerConfig, absent)


@dataclass(frozen=True)
class Running:
    """A model's container seen through its sidecar's, as far as a client sees them."""

    client: PageClient
    channel: grpc.aio.Channel


@pytest.fixture
def serve(
    under_test: ServerUnderTest, containers: Containers
) -> Callable[..., AbstractAsyncContextManager[Running]]:
    @contextlib.asynccontextmanager
    async def connect() -> AsyncIterator[Running]:
        address = f"127.0.0.1:{containers.ports[under_test.name]}"
        async with open_channel(address) as channel:
            yield Running(PageClient(channel, under_test.service), channel)

    return connect


def inside(container: str, *command: str) -> str:
    """What a command prints in a container, also when it fails."""
    return podman_says("exec", container, *command)


def inspect(container: str, path: str) -> Any:
    """A fact of a container, `{{.Config.User}}`."""
    return podman_says("inspect", "--format", path, container).strip()

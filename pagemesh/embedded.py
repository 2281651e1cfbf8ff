"""Orchestrator and models in this process: the same servicers and pipelines, without sockets.

This is the only file of the package that imports the servers and the orchestrator.
"""

import asyncio
import contextlib
import importlib
import inspect
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import grpc

from meshkit.config import Config, ConfigError, ServerConfig, read_config
from meshkit.errors import InvalidInput, PagemeshError
from meshkit.inprocess import InProcessChannel, InProcessServer
from meshkit.interceptors import Context, GuardInterceptor
from meshkit.model import Image
from meshkit.server import server_interceptors
from meshkit.serving import PageServicer
from orchestrator.app import create_orchestrator
from orchestrator.config import MODELS, OrchestratorConfig
from orchestrator.documents.config import DocumentLimits
from orchestrator.documents.document import OpenDocument, open_document
from orchestrator.documents.pool import WorkerPool
from orchestrator.forms.initial import NewForm, ReadPages
from orchestrator.forms.initial import init_form as _init_form
from orchestrator.forms.library import Form, load_form
from pagemesh.exports import ImageOf
from pagemesh.loop import LoopThread
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.threads import with_thread_defaults

ConfigT = TypeVar("ConfigT", bound=Config)


@contextlib.asynccontextmanager
async def embedded_channel(
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[InProcessChannel]:
    """A channel to an orchestrator in this process; each model is loaded at its first page.

    Args:
        environ: `PAGEMESH_*` variables as for the processes of the mesh; this process's own when
            None.

    Raises:
        InvalidInput: a variable is wrong.
    """
    variables = with_thread_defaults(os.environ if environ is None else environ, MODELS)
    async with contextlib.AsyncExitStack() as stack:
        models = {name: _EmbeddedModel(name, variables) for name in MODELS}
        for model in models.values():
            stack.push_async_callback(model.stop)
        state = stack.enter_context(tempfile.TemporaryDirectory(prefix="pagemesh-"))
        # The Kafka door belongs to orchestrators that stay.
        here = {"state_dir": Path(state), "kafka_brokers": ""}
        config = read(OrchestratorConfig, variables).model_copy(update=here)
        channels = {name: model.channel for name, model in models.items()}
        orchestrator = create_orchestrator(config, channels)
        stack.push_async_callback(orchestrator.stop)
        await orchestrator.start()
        server = InProcessServer()
        orchestrator.add_to_server(server)
        yield await stack.enter_async_context(server.channel())


@contextlib.contextmanager
def page_images(path: Path, password: str = "", dpi: int = 0) -> Iterator[ImageOf]:
    """The pages of a local document as the orchestrator rasterises them.

    Args:
        path: the document that was analysed.
        password: opens a protected PDF.
        dpi: that was asked for; 0 for the orchestrator's default. Another orchestrator may have
            another default: a page that does not come out in the size of its result is drawn
            again at the resolution that the result names.

    Raises:
        PagemeshError: the document does not open.
    """
    limits = read(OrchestratorConfig, os.environ).document_limits
    loop = LoopThread("pagemesh-images")
    try:
        with _opened(loop, path, password, limits) as document:

            def image_of(page: documents.PageResult) -> Image | None:
                return loop.run(_image(document, page, dpi))

            yield image_of
    finally:
        loop.close()


def init_form(blank: Path, folder: Path, name: str, read: ReadPages) -> NewForm:
    """Draft a form definition; see `orchestrator.forms.initial.init_form`."""
    return _init_form(blank, folder, name, read)


def check_form(path: Path) -> Form:
    """A form, loaded as the orchestrator loads it.

    Args:
        path: its folder, or the definition in it.

    Raises:
        InvalidForm: with every mistake, a line each.
    """
    return load_form(path if path.is_dir() else path.parent)


@contextlib.contextmanager
def _opened(
    loop: LoopThread, path: Path, password: str, limits: DocumentLimits
) -> Iterator[OpenDocument]:
    workers = WorkerPool(limits)
    loop.run(workers.start())
    try:
        opening = open_document(path, limits=limits, password=password or None, workers=workers)
        document = loop.run(opening)
        try:
            yield document
        finally:
            loop.run(document.close())
    finally:
        loop.run(workers.close())


async def _image(document: OpenDocument, page: documents.PageResult, dpi: int) -> Image | None:
    """The page's pixels; None for a page that cannot be rasterised, as its result says."""
    number = page.page_number
    try:
        info = await document.page_info(number, dpi)
        if page.width and page.dpi and (info.width, info.height) != (page.width, page.height):
            dpi = round(page.dpi)
        return (await document.render(number, dpi)).image
    except PagemeshError:
        if page.outcome == documents.PAGE_OUTCOME_OK:
            raise
        return None


def read(config: type[ConfigT], environ: Mapping[str, str]) -> ConfigT:
    """A configuration from variables.

    Raises:
        InvalidInput: with every mistake.
    """
    try:
        return read_config(config, environ)
    except ConfigError as error:
        raise InvalidInput(
            f"bad configuration: {'; '.join(error.problems)}", reason="BAD_CONFIGURATION"
        ) from error


class _EmbeddedModel:
    """One model's servicer, loaded when a first page comes for it.

    Attributes:
        channel: the way to it.
    """

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        service = importlib.import_module(f"servers.{name}.service")
        config = read(_config_class(importlib.import_module(f"servers.{name}.config")), environ)
        self._servicer: PageServicer[Any, Any] = PageServicer(
            service.SERVICE, service.create_model(config), config
        )
        self._loading: asyncio.Task[Any] | None = None
        server = InProcessServer([*server_interceptors(), GuardInterceptor(self._loaded)])
        self._servicer.add_to_server(server)
        self.channel = server.channel()

    async def stop(self) -> None:
        """Cancel calls, free the model."""
        await self.channel.close()
        if self._loading is not None:
            await asyncio.wait([self._loading])
        await self._servicer.stop()

    @contextlib.asynccontextmanager
    async def _loaded(
        self, details: grpc.HandlerCallDetails, context: Context
    ) -> AsyncIterator[None]:
        """A guard around every call: a call that is cancelled does not stop the loading."""
        del details, context
        if self._loading is None:
            self._loading = asyncio.create_task(self._servicer.start())
        await asyncio.shield(self._loading)
        yield


def _config_class(module: ModuleType) -> type[ServerConfig]:
    """The one configuration class that a server's `config.py` defines."""
    (found,) = (
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, ServerConfig) and member.__module__ == module.__name__
    )
    return found

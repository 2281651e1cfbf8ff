"""Puts the orchestrator together, for a process of its own or inside another."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from meshkit.admission import PixelBudget
from orchestrator.catalog import PipelineCatalog
from orchestrator.config import OrchestratorConfig
from orchestrator.document_run import ReadingRoom
from orchestrator.documents.pool import WorkerPool
from orchestrator.erasing import Eraser
from orchestrator.forms.library import FormLibrary
from orchestrator.models import Channel, Models
from orchestrator.orders import OrderDesk
from orchestrator.pages import PageImage
from orchestrator.pipeline_file import Available
from orchestrator.reloading import follow
from orchestrator.rendering import PageRenderer
from orchestrator.resumption import Resumption
from orchestrator.reuse import Reuse
from orchestrator.service import SERVICE_NAME, OrchestratorServicer
from orchestrator.sources.door import KafkaDoor
from orchestrator.stages.registry import StageRegistry
from orchestrator.stores.opening import stores
from orchestrator.work import WorkManager
from pagemesh.orchestrator.v1.orchestrator_service_pb2_grpc import (
    add_OrchestratorServiceServicer_to_server,
)

# For everything in a request but the pixels.
_MESSAGE_RESERVE = 64 * 1024


class Orchestrator:
    """The orchestrator as a `meshkit.server.Application`.

    Attributes:
        catalog: its pipelines.
        servicer: OrchestratorService; usable between `start` and `stop`.
    """

    service_names: Sequence[str] = (SERVICE_NAME,)

    def __init__(self, config: OrchestratorConfig, channels: Mapping[str, Channel]) -> None:
        self._config = config
        limits = config.document_limits
        self._channels = channels
        self._store, uploads = stores(
            config.store_url, config.state_dir, lease_seconds=config.store_lease_seconds
        )
        self._workers = WorkerPool(limits)
        available = Available(StageRegistry(), Models(channels, config.breaker))
        self.catalog = PipelineCatalog(
            config.pipeline_directories, available, config.default_pipeline
        )
        self._forms = FormLibrary(config.form_directories)
        page_images = partial(
            PageImage,
            encoding=config.wire_encoding,
            shared_directory=config.shared_pages_dir,
            max_bytes=config.max_message_bytes - _MESSAGE_RESERVE,
        )
        budget = PixelBudget(config.pages_in_flight_bytes)
        self._work = WorkManager(
            self._store,
            ReadingRoom(limits, self._workers, budget, page_images, self._forms),
            uploads,
            Reuse(
                self._store,
                self._forms,
                config.reuse_clients,
                model_seconds=config.reuse_model_seconds,
            ),
            max_documents=config.max_documents,
            max_queued=config.max_queued_documents,
            retention_seconds=config.retention_seconds,
        )
        self._desk = OrderDesk(self.catalog, limits)
        self._resumption = Resumption(self._store, uploads, self._desk, self._work, limits)
        self._door = KafkaDoor(
            config, limits, config.state_dir, config.retention_seconds, config.store_url
        )
        self.servicer = OrchestratorServicer(
            self.catalog,
            self._desk,
            self._work,
            PageRenderer(limits, self._workers, config.max_message_bytes - _MESSAGE_RESERVE),
            Eraser(self._work, self._door),
            limits,
        )
        self._watchers: list[asyncio.Task[None]] = []

    def add_to_server(self, server: Any) -> None:
        """Register the servicer."""
        add_OrchestratorServiceServicer_to_server(self.servicer, server)

    async def start(self) -> None:
        """Load pipelines and forms, open the store, and take work.

        Raises:
            InvalidPipeline, InvalidForm: with every mistake of every definition.
            OSError, sqlite3.Error, DependencyUnavailable: the store cannot be used.
        """
        self.catalog.load()
        self._forms.load()
        await self._store.open()
        await self._workers.start()
        await self._work.start()
        await self._resumption.begin()
        await self._door.start(self._desk, self._work)
        self._watchers = [
            asyncio.create_task(self._resumption.watch(self._config.store_lease_seconds)),
            *(
                asyncio.create_task(follow(definitions, self._config.reload_seconds))
                for definitions in (self.catalog, self._forms)
            ),
        ]
        self.servicer.is_ready = True

    async def stop(self) -> None:
        """End all work and close everything. Safe to call twice and without `start`."""
        self.servicer.is_ready = False
        for watcher in self._watchers:
            watcher.cancel()
        await self._door.stop()
        await self._work.stop()
        await self._workers.close()
        await self._store.close()


def create_orchestrator(
    config: OrchestratorConfig, channels: Mapping[str, Channel]
) -> Orchestrator:
    """An orchestrator that reaches models by these channels.

    Args:
        config: how.
        channels: a channel for every model by its noun (`orchestrator.config.MODELS`): grpc.aio
            channels, or anything with their `unary_unary`. They stay the caller's to close.
    """
    return Orchestrator(config, channels)

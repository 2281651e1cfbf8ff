"""The orchestrator in a process of its own: its models are behind addresses."""

from collections.abc import Sequence
from typing import Any

import grpc

from meshkit.client import open_channel
from orchestrator.app import Orchestrator, create_orchestrator
from orchestrator.config import OrchestratorConfig
from orchestrator.memory import return_large_blocks
from orchestrator.service import SERVICE_NAME

# A model behind a name with several addresses gets a page on each in turn.
_CHANNEL_OPTIONS: list[tuple[str, str | int]] = [("grpc.lb_policy_name", "round_robin")]


def open_channels(config: OrchestratorConfig) -> dict[str, grpc.aio.Channel]:
    """A channel to every model. Needs a running event loop."""
    return {
        model: open_channel(
            target,
            max_message_bytes=config.max_message_bytes,
            options=_CHANNEL_OPTIONS,
            caller="orchestrator",
        )
        for model, target in config.targets.items()
    }


class MeshOrchestrator:
    """An `Application` that opens its own channels, once the loop that they belong to runs."""

    service_names: Sequence[str] = (SERVICE_NAME,)

    def __init__(self, config: OrchestratorConfig) -> None:
        self._config = config
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._orchestrator: Orchestrator | None = None

    def add_to_server(self, server: Any) -> None:
        """Register the servicer. Called in the serving loop, before `start`."""
        self._channels = open_channels(self._config)
        self._orchestrator = create_orchestrator(self._config, self._channels)
        self._orchestrator.add_to_server(server)

    async def start(self) -> None:
        """See `Orchestrator.start`. Models need not be there: pages say which one is missing."""
        return_large_blocks()
        if self._orchestrator is not None:
            await self._orchestrator.start()

    async def stop(self) -> None:
        """End all work, then close the channels."""
        if self._orchestrator is not None:
            await self._orchestrator.stop()
        for channel in self._channels.values():
            await channel.close()

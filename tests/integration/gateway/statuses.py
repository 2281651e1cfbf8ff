"""Which statuses each operation of a gateway was seen to answer with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from starlette.routing import compile_path

from tests.integration.gateway.conftest import RunningGateway

Answer = tuple[str, str, int]
"""Method, path as OpenAPI has it, status."""


@dataclass
class Statuses:
    """Answers, those declared and those seen."""

    declared: set[Answer] = field(default_factory=set)
    seen: set[Answer] = field(default_factory=set)

    def watch(self, gateway: RunningGateway) -> None:
        """Note every answer of a gateway from now on."""
        paths: dict[str, dict[str, Any]] = gateway.app.openapi()["paths"]
        self.declared |= {
            (method.upper(), path, int(status))
            for path, told in paths.items()
            for method, operation in told.items()
            for status in operation["responses"]
        }

        async def note(answer: httpx.Response) -> None:
            asked = answer.request
            for path, told in paths.items():
                is_it = compile_path(path)[0].fullmatch(asked.url.path)
                if is_it and asked.method.lower() in told:
                    self.seen.add((asked.method, path, answer.status_code))

        gateway.http.event_hooks["response"].append(note)


def operations(gateway: RunningGateway, document_id: str) -> Iterator[tuple[str, str]]:
    """Method and path of all that a gateway says it can, for one document's first page."""
    for path, told in gateway.app.openapi()["paths"].items():
        for method in told:
            yield method.upper(), path.replace("{id}", document_id).replace("{n}", "1")


class DeafOrchestrator(grpc.GenericRpcHandler):
    """Takes every call and answers none."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        del handler_call_details

        async def wait(_requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            while not context.cancelled():
                await context.read()

        return grpc.stream_stream_rpc_method_handler(wait)

"""Fake models, one of which answers with bytes of the test's own making."""

from collections.abc import Callable
from typing import Any

import grpc

from orchestrator.testing import FakeMesh
from pagemesh.ocr.v1 import ocr_service_pb2 as ocr_pb

Garble = Callable[[bytes], bytes]
"""From a right answer's bytes to those that are sent."""
_SERVICE = "pagemesh.ocr.v1.OcrService"


class GarbledMesh(FakeMesh):
    """Five fake models; OCR's answers are garbled.

    Attributes:
        garble: how; `bytes` leaves them as they are.
    """

    def __init__(self, garble: Garble) -> None:
        super().__init__()
        self.garble = garble

    def add_to_server(self, server: Any) -> None:
        super().add_to_server(server)
        handler: Any = grpc.unary_unary_rpc_method_handler(
            self._answer, request_deserializer=ocr_pb.RecognizePageRequest.FromString
        )
        # What is registered last is called.
        server.add_registered_method_handlers(_SERVICE, {"RecognizePage": handler})

    async def _answer(self, request: Any, context: Any) -> bytes:
        answer = await self["ocr"].serve(request, context)
        return self.garble(answer.SerializeToString())

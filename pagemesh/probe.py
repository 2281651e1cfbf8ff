"""Asks a running model who it is, by letting it read a blank page."""

import importlib
from typing import Any

import grpc
import numpy as np

from pagemesh.common.v1.model_pb2 import ModelIdentity
from pagemesh.common.v1.page_pb2 import PIXEL_FORMAT_GRAY8

SIDE = 256
SECONDS = 30.0


async def identify(channel: grpc.aio.Channel, model: str) -> ModelIdentity:
    """The identity in the model's answer to one blank page.

    Args:
        channel: to the model's server.
        model: its noun, `ocr`.

    Raises:
        grpc.aio.AioRpcError: it does not answer.
    """
    messages = importlib.import_module(f"pagemesh.{model}.v1.{model}_service_pb2")
    (service,) = messages.DESCRIPTOR.services_by_name.values()
    (method,) = (m for m in service.methods if not m.client_streaming)
    request: Any = getattr(messages, method.input_type.name)()
    request.page.page_id = "who-are-you"
    request.page.raw.width = request.page.raw.height = SIDE
    request.page.raw.format = PIXEL_FORMAT_GRAY8
    request.page.raw.data = np.full((SIDE, SIDE), 255, np.uint8).tobytes()
    call = channel.unary_unary(
        f"/{service.full_name}/{method.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=getattr(messages, method.output_type.name).FromString,
    )
    response: Any = await call(request, timeout=SECONDS)
    identity: ModelIdentity = response.model
    return identity

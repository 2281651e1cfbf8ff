"""gRPC's interoperability service: its messages, and calls of its methods."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

SERVICE = "grpc.testing.TestService"
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"

TYPES = {
    "EmptyCall": ("Empty", "Empty"),
    "UnaryCall": ("SimpleRequest", "SimpleResponse"),
    "StreamingOutputCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse"),
    "StreamingInputCall": ("StreamingInputCallRequest", "StreamingInputCallResponse"),
    "FullDuplexCall": ("StreamingOutputCallRequest", "StreamingOutputCallResponse"),
    "UnimplementedCall": ("Empty", "Empty"),
}
"""Request and response of each method."""


@cache
def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"grpc.testing.{name}"))


class Stub:
    """Calls by a channel."""

    def __init__(self, channel: Any) -> None:
        self.empty = _call(channel.unary_unary, "EmptyCall")
        self.unary = _call(channel.unary_unary, "UnaryCall")
        self.output = _call(channel.unary_stream, "StreamingOutputCall")
        self.input = _call(channel.stream_unary, "StreamingInputCall")
        self.duplex = _call(channel.stream_stream, "FullDuplexCall")
        self.unimplemented = _call(channel.unary_unary, "UnimplementedCall")
        self.no_service = _call(
            channel.unary_unary, "UnimplementedCall", "grpc.testing.UnimplementedService"
        )


def payload(size: int) -> Any:
    """As many zeros."""
    return message("Payload")(body=bytes(size))


def simple(response_size: int = 0, size: int = 0, **more: Any) -> Any:
    """A request of UnaryCall."""
    return message("SimpleRequest")(response_size=response_size, payload=payload(size), **more)


def streaming(sizes: list[int], size: int = 0, **more: Any) -> Any:
    """A request of the calls that answer with streams."""
    parameters = [message("ResponseParameters")(size=one) for one in sizes]
    return message("StreamingOutputCallRequest")(
        response_parameters=parameters, payload=payload(size), **more
    )


def _call(kind: Any, method: str, service: str = SERVICE) -> Any:
    request, response = TYPES[method]
    return kind(
        f"/{service}/{method}",
        request_serializer=message(request).SerializeToString,
        response_deserializer=message(response).FromString,
    )


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    here = Path(__file__).parent
    with TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        wrong = protoc.main(["protoc", f"-I{here}", f"--descriptor_set_out={out}", "interop.proto"])
        assert not wrong
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool

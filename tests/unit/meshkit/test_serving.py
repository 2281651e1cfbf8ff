"""A page service, over a socket and in process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from meshkit.errors import (
    DeadlineExceeded,
    Internal,
    InvalidInput,
    InvalidPage,
    Overloaded,
    PagemeshError,
)
from meshkit.geometry import Transform
from meshkit.serving import PageGeometry
from meshkit.status import error_from_rpc, error_of
from meshkit.testing import WatchedModel, encode, eventually
from pagemesh.classify.v1 import classify_service_pb2 as pb
from pagemesh.common.v1 import page_pb2
from tests.unit.meshkit.conftest import Serve
from tests.unit.meshkit.toy import Brightness, ToyConfig, ToyModel, ToyOptions


def page(name: str, *, grey: int = 200, width: int = 20) -> page_pb2.Page:
    data = encode(np.full((10, width), grey, np.uint8))
    return page_pb2.Page(page_id=name, encoded=page_pb2.EncodedImage(data=data))


def unary(name: str, **kwargs: int) -> pb.ClassifyPageRequest:
    return pb.ClassifyPageRequest(page=page(name, **kwargs))


def streamed(name: str, **kwargs: int) -> pb.StreamClassifyPagesRequest:
    return pb.StreamClassifyPagesRequest(page=page(name, **kwargs))


def toy(**config: Any) -> tuple[WatchedModel[ToyOptions, Brightness], ToyConfig]:
    toy_config = ToyConfig(**config)
    return WatchedModel(ToyModel(toy_config)), toy_config


async def fails(call: Any) -> PagemeshError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error_from_rpc(error.value)


async def started(model: WatchedModel[Any, Any]) -> None:
    assert await asyncio.to_thread(model.started.wait, 10)


async def test_an_answer_says_who_gave_it_and_what_it_cost(serve: Serve) -> None:
    async with serve(*toy()) as served:
        call = served.stub.ClassifyPage(unary("p1", grey=7))
        answer = await call
        trailers = dict(await call.trailing_metadata())
    assert answer.page_id == "p1"
    assert answer.result.score == 7
    model = answer.model
    assert (model.name, model.version, model.digest, model.device) == (
        "toy", "1.2.3", "sha256:70", "cpu",
    )  # fmt: skip
    assert answer.cost.batch_size == 1
    assert answer.cost.decode_duration.ToNanoseconds() > 0
    assert answer.cost.inference_duration.ToNanoseconds() > 0
    assert trailers["pagemesh-model-name"] == "toy"
    assert trailers["pagemesh-model-version"] == "1.2.3"
    assert trailers["pagemesh-pages"] == "1"
    assert trailers["pagemesh-batch-size"] == "1"
    assert float(trailers["pagemesh-queue-ms"]) >= 0
    assert float(trailers["pagemesh-inference-ms"]) > 0


async def test_every_page_of_a_stream_gets_one_outcome_and_a_bad_one_harms_no_other(
    serve: Serve,
) -> None:
    requests = [streamed(f"p{n}", grey=n, width=13 if n == 2 else 20) for n in range(6)]
    requests.append(pb.StreamClassifyPagesRequest(page=page_pb2.Page(page_id="empty")))
    requests.append(pb.StreamClassifyPagesRequest())
    async with serve(*toy()) as served:
        call = served.stub.StreamClassifyPages(iter(requests))
        outcomes = {o.page_id: o async for o in call}
        trailers = dict(await call.trailing_metadata())
        assert await call.code() is grpc.StatusCode.OK
    assert len(outcomes) == 8
    good = {n: outcomes[f"p{n}"].result.score for n in (0, 1, 3, 4, 5)}
    assert good == {n: n for n in good}
    assert isinstance(error_of(outcomes["p2"].error), InvalidPage)
    assert "'empty'" in outcomes["empty"].error.message
    assert "page is missing" in outcomes[""].error.message
    assert all(o.model.name == "toy" for o in outcomes.values())
    assert trailers["pagemesh-pages"] == "5"


async def test_an_error_names_page_and_field_and_can_be_read_by_programs(serve: Serve) -> None:
    request = pb.ClassifyPageRequest(page=page_pb2.Page(page_id="p1"))
    request.page.encoded.data = b"no picture"
    async with serve(*toy()) as served:
        error = await fails(served.stub.ClassifyPage(request))
    assert isinstance(error, InvalidPage)
    assert "'p1'" in error.message
    assert error.metadata == {"page": "p1", "field": "page.encoded.data"}


async def test_an_error_still_says_which_model_was_asked(serve: Serve) -> None:
    async with serve(*toy()) as served:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await served.stub.ClassifyPage(unary("p1", width=13))
    trailers = dict(error.value.trailing_metadata())
    assert trailers["pagemesh-model-name"] == "toy"
    assert trailers["pagemesh-pages"] == "0"


async def test_bad_options_are_refused(serve: Serve) -> None:
    request = unary("p1")
    request.options.threshold = 2
    async with serve(*toy()) as served:
        error = await fails(served.stub.ClassifyPage(request))
    assert type(error) is InvalidInput
    assert error.metadata["field"] == "options.threshold"


async def test_a_model_that_breaks_tells_nothing_of_itself(serve: Serve) -> None:
    async with serve(*toy()) as served:
        stub = served.stub
        error = await fails(stub.ClassifyPage(unary("p1", width=14)))
        assert (await stub.ClassifyPage(unary("p2"))).page_id == "p2"
    assert isinstance(error, Internal)
    assert "secret" not in error.message


async def test_an_unknown_method_is_unimplemented(serve: Serve) -> None:
    async with serve(*toy()) as served:
        call: Any = served.channel.unary_unary("/pagemesh.classify.v1.ClassifyService/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(b"")
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_work_of_a_cancelled_call_is_never_run(serve: Serve) -> None:
    model, config = toy()
    model.gate.clear()
    async with serve(model, config) as served:
        stub = served.stub
        running = asyncio.ensure_future(stub.ClassifyPage(unary("p1")))
        await started(model)
        gone = stub.ClassifyPage(unary("p2"))
        stream = stub.StreamClassifyPages()
        await stream.write(streamed("p3"))
        await eventually(lambda: served.servicer.queued == 2)
        gone.cancel()
        stream.cancel()
        assert gone.cancelled()
        with pytest.raises(asyncio.CancelledError):
            await gone
        with pytest.raises(asyncio.CancelledError):
            await stream.read()
        await eventually(lambda: served.servicer.queued == 0)
        left = asyncio.ensure_future(stub.ClassifyPage(unary("p4")))
        model.gate.set()
        await running
        await left
    assert model.pages == 2


async def test_work_past_its_deadline_is_never_run(serve: Serve) -> None:
    model, config = toy()
    model.gate.clear()
    async with serve(model, config) as served:
        stub = served.stub
        running = asyncio.ensure_future(stub.ClassifyPage(unary("p1")))
        await started(model)
        error = await fails(stub.ClassifyPage(unary("p2"), timeout=0.05))
        assert isinstance(error, DeadlineExceeded)
        await eventually(lambda: served.servicer.queued == 0)
        model.gate.set()
        await running
    assert model.pages == 1


async def test_a_cancelled_caller_cancels_its_call(serve: Serve) -> None:
    model, config = toy()
    model.gate.clear()
    async with serve(model, config) as served:
        stub = served.stub

        async def ask() -> None:
            await stub.ClassifyPage(unary("p1"))

        task = asyncio.create_task(ask())
        await started(model)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        model.gate.set()


async def test_a_server_that_is_full_refuses_single_pages_and_holds_streams_back(
    serve: Serve,
) -> None:
    model, config = toy(max_page_pixels=60_000, max_pixels_in_flight=70_000)
    model.gate.clear()
    async with serve(model, config) as served:
        stub = served.stub
        running = asyncio.ensure_future(stub.ClassifyPage(unary("p1")))
        await started(model)
        error = await fails(stub.ClassifyPage(unary("p2")))
        assert isinstance(error, Overloaded)
        assert error.retry_after
        stream = stub.StreamClassifyPages(iter([streamed("p3"), streamed("p4")]))
        model.gate.set()
        await running
        assert {o.page_id async for o in stream if o.WhichOneof("outcome") == "result"} == {
            "p3",
            "p4",
        }


async def test_a_client_that_does_not_read_holds_the_server_back(serve: Serve) -> None:
    model, config = toy(max_pages_per_stream=2, label_bytes=4_000_000)
    sent = 0

    async def requests() -> AsyncIterator[pb.StreamClassifyPagesRequest]:
        nonlocal sent
        for number in range(60):
            sent += 1
            yield streamed(f"p{number}")

    async with serve(model, config) as served:
        stream = served.stub.StreamClassifyPages(requests())
        outcomes = aiter(stream)
        await anext(outcomes)
        await asyncio.sleep(0.5)  # it has time to run ahead
        assert model.pages < 12
        assert len([o async for o in outcomes]) == 59
    assert sent == 60


async def test_two_pages_of_one_name_in_work_on_a_stream_are_told_apart_by_an_error(
    serve: Serve,
) -> None:
    model, config = toy()
    model.gate.clear()
    async with serve(model, config) as served:
        stream = served.stub.StreamClassifyPages(iter([streamed("twin"), streamed("twin")]))
        first: Any = await stream.read()
        model.gate.set()
        second: Any = await stream.read()
    assert "another page of this stream" in first.error.message
    assert second.WhichOneof("outcome") == "result"


async def test_pages_are_answered_when_ready_not_when_sent(serve: Serve) -> None:
    async with serve(*toy()) as served:
        stream = served.stub.StreamClassifyPages()
        for number in range(3):
            await stream.write(streamed(f"p{number}"))
            outcome: Any = await stream.read()
            assert outcome.page_id == f"p{number}"
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


async def test_a_request_iterator_that_fails_cancels_the_call(serve: Serve) -> None:
    def requests() -> Iterator[pb.StreamClassifyPagesRequest]:
        yield streamed("p1")
        raise OSError("the client's disk failed")

    async with serve(*toy()) as served:
        stream = served.stub.StreamClassifyPages(requests())
        with pytest.raises(asyncio.CancelledError):
            [o async for o in stream]


def test_geometry_goes_back_to_the_page_as_sent() -> None:
    quarter = Transform(np.array([[0.0, -1, 11], [1, 0, 0], [0, 0, 1]]), 12, 20)
    geometry = PageGeometry(quarter, 20, 12)
    quad = geometry.quad(np.array([[0.0, 0], [11, 0], [11, 19], [0, 19]]))
    assert quad["top_left"] == pytest.approx({"x": 0, "y": 11})
    assert quad["top_right"] == pytest.approx({"x": 0, "y": 0})
    assert quad["bottom_right"] == pytest.approx({"x": 19, "y": 0})
    assert quad["bottom_left"] == pytest.approx({"x": 19, "y": 11})


def test_transforms_of_a_model_start_at_the_page_as_sent() -> None:
    double = Transform(np.diag([2.0, 2, 1]), 40, 24)
    half = Transform(np.diag([0.5, 0.5, 1]), 20, 12)
    arguments = PageGeometry(double, 20, 12).upright_transform(half)
    np.testing.assert_allclose(arguments["matrix"], np.eye(3).ravel())
    assert (arguments["width"], arguments["height"]) == (20, 12)


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.full((4, 2), np.nan)])
def test_a_quad_that_is_none_is_the_models_fault(bad: Any) -> None:
    with pytest.raises(Internal):
        PageGeometry(Transform.identity(20, 12), 20, 12).quad(bad)

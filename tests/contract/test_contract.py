"""What every model server keeps, over a real loopback connection."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from meshkit.client import open_channel
from meshkit.errors import DeadlineExceeded, InvalidInput, InvalidPage
from meshkit.status import error_from_rpc, error_of
from meshkit.testing import PageClient, draw_page, eventually
from tests.contract import answers, pages
from tests.contract.conftest import Serve, ServerUnderTest
from tests.contract.pages import BAD_PAGES, ODD_PAGES, PAGE

ROOT = Path(__file__).resolve().parents[2]
SERVING = health_pb2.HealthCheckResponse.SERVING


async def refusal(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error_from_rpc(error.value)


async def health_of(channel: Any, service: str) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_health_speaks_for_the_process_and_the_service(
    serve: Serve, under_test: ServerUnderTest
) -> None:
    async with serve() as running:
        for name in ("", under_test.service.service_name):
            assert await health_of(running.channel, name) == SERVING


async def test_reflection_lists_the_service(serve: Serve, under_test: ServerUnderTest) -> None:
    async with serve() as running:
        channel: Any = running.channel
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = [a async for a in stub.ServerReflectionInfo(iter([asked]))]
    names = {service.name for service in answer.list_services_response.service}
    assert under_test.service.service_name in names


async def test_an_answer_says_which_model_gave_it_and_what_it_cost(
    serve: Serve, under_test: ServerUnderTest
) -> None:
    async with serve() as running:
        call = running.client.page(pages.png("p1"))
        answer = await call
        trailers = dict(await call.trailing_metadata())
    assert answer.page_id == "p1"
    assert answer.HasField("result")
    assert answer.model.name == under_test.name
    assert answer.model.version.count(".") == 2
    assert answer.model.digest.startswith("sha256:")
    assert len(answer.model.digest) == len("sha256:") + 64
    assert answer.model.device == "cpu" or answer.model.device.startswith("cuda:")
    assert answer.cost.batch_size == 1
    assert answer.cost.inference_duration.ToNanoseconds() > 0
    assert answer.cost.decode_duration.ToNanoseconds() > 0
    assert answer.cost.HasField("queue_duration")
    assert trailers["pagemesh-model-name"] == under_test.name
    assert trailers["pagemesh-pages"] == "1"


@pytest.mark.parametrize("bad", BAD_PAGES)
async def test_a_bad_page_is_refused_by_name(serve: Serve, bad: str) -> None:
    page = BAD_PAGES[bad]
    async with serve() as running:
        error = await refusal(running.client.page(page))
        assert running.model.pages == 0
    assert isinstance(error, InvalidPage)
    if page["page_id"]:
        assert "'bad'" in error.message
        assert error.metadata["page"] == "bad"
    else:
        assert error.metadata["field"] == "page.page_id"


@pytest.mark.parametrize("odd", ODD_PAGES)
async def test_a_page_with_nothing_to_read_is_answered_or_refused(serve: Serve, odd: str) -> None:
    async with serve() as running:
        try:
            answer = await running.client.page(ODD_PAGES[odd])
        except grpc.aio.AioRpcError as error:
            told = error_from_rpc(error)
            assert isinstance(told, InvalidPage), told
            assert odd != "blank", "a blank page is a page"
        else:
            assert answer.page_id == "odd"


async def test_a_request_without_a_page_is_refused(serve: Serve) -> None:
    async with serve() as running:
        error = await refusal(running.client.request({}))
    assert isinstance(error, InvalidInput)
    assert error.metadata["field"] == "page"


async def test_a_threshold_outside_0_to_1_is_refused(serve: Serve) -> None:
    async with serve() as running:
        if "threshold" not in running.client.option_names:
            return  # this contract has none
        for threshold in (-0.1, 1.1, float("nan")):
            request = {"page": pages.png("p1"), "options": {"threshold": threshold}}
            error = await refusal(running.client.request(request))
            assert isinstance(error, InvalidInput)
            assert error.metadata["field"] == "options.threshold"


async def test_every_encoding_gives_the_same_answer(serve: Serve, tmp_path: Path) -> None:
    colour = pages.as_bgr(PAGE)
    sent = [
        pages.png("png"),
        pages.raw("raw grey"),
        pages.raw("raw bgr", colour),
        pages.png("png bgr", colour),
        pages.referenced("file", tmp_path / "page.png", bare=False),
        pages.referenced("bare file", tmp_path / "page.raw", colour, bare=True),
    ]
    async with serve(page_reference_roots=(tmp_path,)) as running:
        results = [(await running.client.page(page)).result for page in sent]
    for result in results[1:]:
        assert result == results[0]


async def test_geometry_is_in_the_pixels_of_the_page_as_sent(serve: Serve) -> None:
    """A page on its side with the transform that rights it is the upright page to the model."""
    height, width = PAGE.shape[:2]
    lying = np.ascontiguousarray(np.rot90(PAGE))
    turn = np.array([[0.0, -1, width - 1], [1, 0, 0], [0, 0, 1]])
    transform = {"matrix": turn.ravel().tolist(), "width": width, "height": height}
    async with serve() as running:
        upright = (await running.client.page(pages.png("upright"))).result
        turned = (
            await running.client.page(pages.png("lying", lying, upright_transform=transform))
        ).result
    answers.assert_close(answers.without_geometry(upright), answers.without_geometry(turned))
    expected, found = answers.quads(upright), answers.quads(turned)
    assert len(expected) == len(found)
    for there, here in zip(expected, found, strict=True):
        back = np.column_stack([here, np.ones(4)]) @ turn.T
        np.testing.assert_allclose(back[:, :2], there, atol=answers.PIXELS)
    for there, here in zip(answers.transforms(upright), answers.transforms(turned), strict=True):
        np.testing.assert_allclose(here, there @ turn, atol=answers.PIXELS)


async def test_a_stream_gives_the_unary_answers_and_a_bad_page_harms_no_other(
    serve: Serve,
) -> None:
    good = {"one": PAGE, "two": pages.OTHER, "three": pages.BLANK}
    sent = [pages.png(name, image) for name, image in good.items()]
    sent.insert(1, BAD_PAGES["truncated png"])
    async with serve() as running:
        alone = {name: await running.client.page(pages.png(name, good[name])) for name in good}
        outcomes = {o.page_id: o async for o in running.client.pages(sent)}
    assert outcomes.keys() == {*good, "bad"}
    assert isinstance(error_of(outcomes.pop("bad").error), InvalidPage)
    for name, outcome in outcomes.items():
        assert outcome.result == alone[name].result
        assert outcome.model == alone[name].model
        assert outcome.cost.batch_size == 1


async def test_an_answer_does_not_depend_on_what_it_was_batched_with(serve: Serve) -> None:
    images = {
        "form": PAGE,
        "invoice": pages.OTHER,
        "blank": pages.BLANK,
        "letter": draw_page(["Dear Madam,", "thank you", "Yours"], width=600, height=800),
    }
    async with serve(max_batch_size=1) as running:
        alone = {n: await running.client.page(pages.png(n, i)) for n, i in images.items()}
    async with serve(max_batch_size=8, max_batch_delay_ms=50) as running:
        running.model.gate.clear()
        sent = [pages.png(name, image) for name, image in images.items() for _ in range(2)]
        calls = [asyncio.ensure_future(running.client.page(page)) for page in sent]
        await eventually(running.model.started.is_set)
        running.model.gate.set()
        loaded = await asyncio.gather(*calls)
        assert max(len(batch) for batch in running.model.batches) > 1
    for answer in loaded:
        assert answer.result == alone[answer.page_id].result


async def test_queued_work_of_a_cancelled_call_is_never_run(serve: Serve) -> None:
    async with serve() as running:
        running.model.gate.clear()
        first = asyncio.ensure_future(running.client.page(pages.png("first")))
        await eventually(running.model.started.is_set)
        gone = running.client.page(pages.png("gone"))
        stream = running.client.pages([pages.png("gone too")])
        await eventually(lambda: running.servicer.queued == 2)
        gone.cancel()
        stream.cancel()
        await eventually(lambda: running.servicer.queued == 0)
        running.model.gate.set()
        assert (await first).page_id == "first"
        assert running.model.pages == 1


async def test_queued_work_past_its_deadline_is_never_run(serve: Serve) -> None:
    async with serve() as running:
        running.model.gate.clear()
        first = asyncio.ensure_future(running.client.page(pages.png("first")))
        await eventually(running.model.started.is_set)
        error = await refusal(running.client.page(pages.png("late"), timeout=0.1))
        assert isinstance(error, DeadlineExceeded)
        await eventually(lambda: running.servicer.queued == 0)
        running.model.gate.set()
        assert (await first).page_id == "first"
        assert running.model.pages == 1


async def test_a_drain_answers_what_is_in_flight(serve: Serve, under_test: ServerUnderTest) -> None:
    async with serve() as running:
        running.model.gate.clear()
        calls = [asyncio.ensure_future(running.client.page(pages.png(f"p{n}"))) for n in range(3)]
        await eventually(lambda: running.servicer.queued == 2)
        stopping = asyncio.create_task(running.server.stop())
        await asyncio.sleep(0)
        running.model.gate.set()
        assert {(await call).page_id for call in calls} == {"p0", "p1", "p2"}
        await stopping
        assert running.model.closed == 1


async def test_a_raw_a4_page_at_300_dpi_fits_a_message(serve: Serve) -> None:
    page = pages.as_bgr(draw_page(["Application form"], width=2480, height=3508))
    async with serve() as running:
        answer = await running.client.page(pages.raw("a4", page, dpi=300))
    assert answer.page_id == "a4"


async def test_the_process_serves_and_ends_on_sigterm(under_test: ServerUnderTest) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"servers.{under_test.name}"),
        cwd=ROOT,
        env={**os.environ, f"{under_test.env_prefix}PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        address = await _address(process)
        async with open_channel(address) as channel:
            await _serving(channel, under_test.service.service_name)
            client = PageClient(channel, under_test.service)
            assert (await client.page(pages.png("p1"))).page_id == "p1"
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        entry = json.loads(line)
        if entry["message"] == "listening":
            return str(entry["address"])
    raise AssertionError("the server ended before it listened")


async def _serving(channel: Any, service: str) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    async for answer in stub.Watch(health_pb2.HealthCheckRequest(service=service)):
        if answer.status == SERVING:
            return

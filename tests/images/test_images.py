"""Every image as a container: as nobody, on a root that is read-only, keeping its contract."""

import json

import pytest

from meshkit.errors import InvalidPage
from pagemesh import Client
from tests.contract.conftest import Serve
from tests.contract.pages import BAD_PAGES
from tests.contract.test_contract import (
    ROOT,
    refusal,
    test_a_page_with_nothing_to_read_is_answered_or_refused,
    test_a_raw_a4_page_at_300_dpi_fits_a_message,
    test_a_request_without_a_page_is_refused,
    test_a_stream_gives_the_unary_answers_and_a_bad_page_harms_no_other,
    test_a_threshold_outside_0_to_1_is_refused,
    test_an_answer_says_which_model_gave_it_and_what_it_cost,
    test_geometry_is_in_the_pixels_of_the_page_as_sent,
    test_health_speaks_for_the_process_and_the_service,
    test_reflection_lists_the_service,
)
from tests.images.conftest import NOBODY, Containers, inside, inspect

# The contract suite, against containers.
__all__ = [
    "test_a_page_with_nothing_to_read_is_answered_or_refused",
    "test_a_raw_a4_page_at_300_dpi_fits_a_message",
    "test_a_request_without_a_page_is_refused",
    "test_a_stream_gives_the_unary_answers_and_a_bad_page_harms_no_other",
    "test_a_threshold_outside_0_to_1_is_refused",
    "test_an_answer_says_which_model_gave_it_and_what_it_cost",
    "test_geometry_is_in_the_pixels_of_the_page_as_sent",
    "test_health_speaks_for_the_process_and_the_service",
    "test_reflection_lists_the_service",
]


async def test_bad_pages_are_refused_by_name(serve: Serve) -> None:
    async with serve() as running:
        for page in BAD_PAGES.values():
            assert isinstance(await refusal(running.client.page(page)), InvalidPage)


def test_a_sample_goes_through_all_containers(containers: Containers) -> None:
    sample = ROOT / "samples" / "ticked_and_signed.png"
    with Client(f"127.0.0.1:{containers.ports['orchestrator']}") as client:
        (page,) = client.analyze(sample, pipeline="forms", timeout=300)
    assert page.HasField("ocr"), page
    assert len(page.ocr.lines) > 5
    assert len(page.checkbox.checkboxes) > 0
    assert len(page.signature.signatures) > 0


NAMES = ("orchestrator", "ocr", "deskew", "classify", "checkbox", "signature", "ocr-sidecar")


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_nobody_and_may_write_nothing(containers: Containers, name: str) -> None:
    container = containers.names[name]
    assert inside(container, "id", "-u").strip() == str(NOBODY)
    assert inspect(container, "{{.HostConfig.ReadonlyRootfs}}") == "true"
    assert int(inspect(container, "{{.HostConfig.Memory}}")) > 0
    for place in ("/", "/opt/pagemesh", "/usr/lib", "/var"):
        assert "Read-only file system" in inside(container, "touch", f"{place}/x")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_left_out_and_what_is_told(containers: Containers, name: str) -> None:
    container = containers.names[name]
    for tool in ("gcc", "cc", "make", "ld"):
        assert inside(container, "sh", "-c", f"command -v {tool}") == ""
    for place in ("/etc/pip.conf", "/opt/pagemesh/bin/pip", "/opt/build", "/build", "/wheel"):
        assert "No such file" in inside(container, "ls", place)
    bill = json.loads(inside(container, "cat", "/opt/pagemesh/sbom.cdx.json"))
    parts = {part["name"] for part in bill["components"]}
    assert {"pagemesh", "grpcio", "protobuf"} <= parts
    labels = json.loads(inspect(container, "{{json .Config.Labels}}"))
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"] != "unknown"

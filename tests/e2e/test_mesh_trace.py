"""A document's way through real processes, from the spans that they sent."""

import contextlib
import itertools
import re

import pytest

from meshkit.errors import NotFound
from pagemesh import Client
from pagemesh.local_mesh import MODELS, SPANS_FILE
from pagemesh.traces.span import SERVER
from pagemesh.traces.store import Way, reading
from pagemesh.traces.tree import model_calls, roots_of
from tests.e2e.conftest import SAMPLES, Mesh, log_entries, settled

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(600)]

REQUEST = "traced-1"
MODEL_STEPS = {"deskew", "preread", "classify", "ocr", "checkbox", "ink"}
OWN_STEPS = {"signature", "form", "fields"}


@pytest.fixture(scope="module")
def way(mesh: Mesh) -> Way:
    """Of a page that every model sees."""
    with Client(mesh.address, caller="e2e") as client:
        client.analyze(SAMPLES / "ticked_and_signed.png", request_id=REQUEST).collect()
    with reading(mesh.command.state / "up" / SPANS_FILE) as store:
        for _ in settled():
            with contextlib.suppress(NotFound):
                if is_whole(store.way(REQUEST)):
                    return store.way(REQUEST)
    raise AssertionError("the spans of some process never came")


def is_whole(way: Way) -> bool:
    """Whether the door's span came, and of every call those of all processes."""
    roots = roots_of(way)
    calls = [call for root in roots for node in root.walk() for call in model_calls(node)]
    own = [call for call in calls if call.client.service == "orchestrator"]
    return len(roots) == 1 and all(call.sidecar and call.server and call.batches for call in own)


def test_who_the_document_is_for_is_told(way: Way) -> None:
    assert way.document.attributes["pagemesh.client"] == "e2e"


def test_the_spans_are_one_tree_and_every_call_went_through_its_sidecar(way: Way) -> None:
    (root,) = roots_of(way)
    steps = {
        node.span.name.removeprefix("step "): node
        for node in root.walk()
        if node.span.name.startswith("step ")
    }
    assert steps.keys() == MODEL_STEPS | OWN_STEPS
    calls = {name: model_calls(node) for name, node in steps.items()}
    assert all(calls[name] for name in MODEL_STEPS)
    for call in itertools.chain.from_iterable(calls.values()):
        assert call.sidecar is not None
        assert call.server is not None
        assert call.sidecar[0].service == f"{call.server.service}-sidecar"
        (batch,) = call.batches
        assert (call.server.trace_id, call.server.span_id) in batch.links
        for inner, outer in (
            (call.sidecar[0], call.client),
            (call.sidecar[1], call.sidecar[0]),
            (call.server, call.sidecar[1]),
            (batch, call.server),
        ):
            assert inner.parent_id == outer.span_id


def test_every_process_is_on_the_way(way: Way) -> None:
    sidecars = {f"{model}-sidecar" for model in MODELS}
    assert {span.service for span in way.spans} == {"orchestrator", *MODELS, *sidecars}


def test_cost_adds_up_from_batches_to_the_document(way: Way) -> None:
    steps = [s for s in way.spans if s.name.startswith("step ")]
    paid = sum(s.attributes.get("pagemesh.inference.duration", 0) for s in steps)
    costs = {k: v for k, v in way.document.attributes.items() if k.startswith("pagemesh.cost.")}
    assert sum(costs.values()) == pytest.approx(paid)
    batches = sum(s.seconds for s in way.spans if s.name == "predict")
    assert paid == pytest.approx(batches, rel=0.1, abs=0.05)


def test_log_lines_lead_to_the_trace(mesh: Mesh, way: Way) -> None:
    (line,) = [
        entry
        for entry in log_entries(mesh.command.state / "up", "orchestrator")
        if entry["message"] == "document ended" and entry["request_id"] == REQUEST
    ]
    assert line["trace_id"] == way.document.trace_id
    assert line["span_id"] == way.document.span_id


def test_a_person_sees_the_tree(mesh: Mesh, way: Way) -> None:
    done = mesh.command.run("trace", REQUEST)
    assert done.returncode == 0, done.stderr
    assert f"trace {way.document.trace_id}" in done.stdout
    for name in MODEL_STEPS:
        (line,) = [li for li in done.stdout.splitlines() if re.search(rf"─ {name}\b", li)]
        assert re.search(r"( +\d+(\.\d+)? m?s){3}$", line.rstrip())
    whole = mesh.command.run("trace", REQUEST, "--all")
    assert whole.stdout.count("serves ") == sum(span.kind == SERVER for span in way.spans)

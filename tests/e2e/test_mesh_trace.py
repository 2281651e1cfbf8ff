"""A document's way through real processes, from the spans that they sent."""

import re
from collections import Counter

import pytest

from pagemesh import Client
from pagemesh.local_mesh import MODELS, SPANS_FILE
from pagemesh.traces.span import CLIENT, SERVER
from pagemesh.traces.store import Way, reading
from pagemesh.traces.tree import model_calls, roots_of
from tests.e2e.conftest import SAMPLES, Mesh, log_entries, settled

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(600)]

REQUEST = "traced-1"
MODEL_STEPS = {"deskew", "preread", "classify", "ocr", "checkbox", "signature"}


@pytest.fixture(scope="module")
def way(mesh: Mesh) -> Way:
    """Of a page that every model sees."""
    with Client(mesh.address, caller="e2e") as client:
        client.analyze(SAMPLES / "ticked_and_signed.png", request_id=REQUEST).collect()
    wanted = {"orchestrator", *MODELS, *(f"{model}-sidecar" for model in MODELS)}
    with reading(mesh.command.state / "up" / SPANS_FILE) as store:
        for _ in settled():
            if any(s.attributes.get("pagemesh.request_id") == REQUEST for s in store.requests(1)):
                found = store.way(REQUEST)
                calls = sum(span.kind == SERVER for span in found.spans)
                if {s.service for s in found.spans} == wanted and calls == 13:
                    return found
    raise AssertionError("the spans of some process never came")


def test_who_the_document_is_for_is_told(way: Way) -> None:
    assert way.document.attributes["pagemesh.client"] == "e2e"


def test_the_spans_are_one_tree_and_every_call_went_through_its_sidecar(way: Way) -> None:
    (root,) = roots_of(way)
    steps = {
        node.span.name.removeprefix("step "): node
        for node in root.walk()
        if node.span.name.startswith("step ")
    }
    assert steps.keys() == MODEL_STEPS | {"form", "fields"}
    for name in MODEL_STEPS:
        (call,) = model_calls(steps[name])
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
            assert inner.seconds <= outer.seconds
    kinds = Counter(span.kind for span in way.spans if "rpc.method" in span.attributes)
    assert kinds[SERVER] == 1 + 2 * len(MODEL_STEPS)
    assert kinds[CLIENT] == 2 * len(MODEL_STEPS)


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
    assert whole.stdout.count("serves ") == 1 + 2 * len(MODEL_STEPS)

"""Sample documents through eleven real processes over gRPC, by the command and by the client."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshkit.errors import InvalidDocument
from pagemesh import Client
from pagemesh.deskew.v1 import deskew_service_pb2 as deskew_pb
from pagemesh.exports.upright import corners_as_sent
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.e2e.conftest import SAMPLES, Command, Mesh

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(600)]


def boxes_of(quads: list[list[float]]) -> "np.ndarray[Any, Any]":
    """(n, 4) left, top, right, bottom of quads given as eight numbers."""
    points = np.array(quads, dtype=float).reshape(-1, 4, 2)
    return np.hstack([points.min(axis=1), points.max(axis=1)])


def overlaps(found: "np.ndarray[Any, Any]", true: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """(found, true) intersection over union."""
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    high = np.minimum(found[:, None, 2:], true[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (found, true)]
    return np.asarray(shared / (areas[0][:, None] + areas[1][None] - shared))


def test_the_demo_is_shown_to_a_person(mesh: Mesh) -> None:
    for name in ("deskew", "classify", "ocr", "checkbox", "signature", "orchestrator"):
        assert name in mesh.said
    assert "application_form" in mesh.said
    assert "signed  yes" in mesh.said
    assert "ticked_and_signed.png  succeeded  1 page: 1 ok" in mesh.said


def test_ticked_boxes_signature_class_and_text_are_right(mesh: Mesh, truth: dict[str, Any]) -> None:
    name = "ticked_and_signed.png"
    (expected,) = truth[name]["pages"]
    with Client(mesh.address) as client:
        (page,) = client.analyze(SAMPLES / name, pipeline="application_form").collect().pages

    assert page.outcome == documents.PAGE_OUTCOME_OK
    assert page.classify.label == expected["class"]
    found = boxes_of([corners_as_sent(b.quad).ravel().tolist() for b in page.checkbox.checkboxes])
    overlap = overlaps(found, boxes_of([box["quad"] for box in expected["checkboxes"]]))
    nearest = overlap.argmax(axis=0)
    assert (overlap.max(axis=0) > 0.4).all()
    ticked = [page.checkbox.checkboxes[int(index)].checked for index in nearest]
    assert ticked == [box["checked"] for box in expected["checkboxes"]]
    signatures = boxes_of(
        [corners_as_sent(s.quad).ravel().tolist() for s in page.signature.signatures]
    )
    true = boxes_of([signature["quad"] for signature in expected["signatures"]])
    assert overlaps(signatures, true).max() > 0.4
    words = {word.text.strip(".,:") for line in page.ocr.lines for word in line.words}
    assert {"Paid", "Preparer", "Signature", "Refund"} & words


def test_how_a_page_lies_is_found(mesh: Mesh, truth: dict[str, Any]) -> None:
    with Client(mesh.address) as client:
        for name, orientation in (("skewed.png", "UP"), ("upside_down.jpg", "DOWN")):
            (page,) = client.analyze(SAMPLES / name, pipeline="checkboxes").collect().pages
            (expected,) = truth[name]["pages"]
            assert documents.PageOutcome.Name(page.outcome) == "PAGE_OUTCOME_OK"
            assert page.deskew.skew_degrees == pytest.approx(expected["skew_degrees"], abs=0.5)
            assert deskew_pb.Orientation.Name(page.deskew.orientation) == (
                f"ORIENTATION_{orientation}"
            )


def test_a_page_of_another_kind_is_skipped_with_the_reason(mesh: Mesh) -> None:
    done = mesh.command.run(
        "analyze", str(SAMPLES / "wrong_type.png"), "--server", mesh.address, "--output", "json"
    )
    assert done.returncode == 0, done.stderr
    (page,) = json.loads(done.stdout)["pages"]
    assert page["outcome"] == "PAGE_OUTCOME_SKIPPED"
    assert page["classify"]["label"] in page["reason"]
    assert f"{page['classify']['score']:.4g}" in page["reason"]
    assert "ocr" not in page


def test_pages_of_a_document_come_one_by_one(mesh: Mesh) -> None:
    with Client(mesh.address) as client:
        stream = client.analyze(SAMPLES / "pages.tiff", pipeline="signatures")
        numbers = [page.page_number for page in stream]
    assert sorted(numbers) == [1, 2, 3]
    account = stream.document.pages
    assert (account.total, account.ok, account.failed, account.skipped) == (3, 3, 0, 0)


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [("ticked_and_signed.png", "application_form"), ("wrong_type.png", "application_form")],
)
def test_one_process_and_the_mesh_say_the_same(mesh: Mesh, name: str, pipeline: str) -> None:
    arguments = ["analyze", str(SAMPLES / name), "--pipeline", pipeline, "--output", "json"]
    embedded = mesh.command.run(*arguments)
    served = mesh.command.run(*arguments, "--server", mesh.address)
    assert (embedded.returncode, served.returncode) == (0, 0), embedded.stderr + served.stderr
    assert timeless(json.loads(embedded.stdout)) == timeless(json.loads(served.stdout))


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    """The result without ids, times and costs."""
    for name in ("requestId", "createTime", "endTime"):
        result["document"].pop(name)
    for page in result["pages"]:
        for step in page["steps"]:
            for name in ("cost", "duration", "attempts"):
                step.pop(name, None)
    return result


BAD = {
    "empty.pdf": (b"", "empty"),
    "letter.pdf": (b"Dear Sir or Madam,\n" * 50, "plain text"),
    "truncated.pdf": ((SAMPLES / "application_form.pdf").read_bytes()[:2000], "PDF"),
    "truncated.png": (
        (SAMPLES / "skewed.png").read_bytes()[:3000],
        "; page 1 failed: ",
    ),
    "truncated.jpg": (
        (SAMPLES / "receipt.jpg").read_bytes()[:3000],
        "; page 1 failed: ",
    ),
    "truncated.tiff": (
        (SAMPLES / "pages.tiff").read_bytes()[:3000],
        "; page 1 failed: ",
    ),
}


@pytest.mark.parametrize("is_served", [False, True])
def test_bad_input_is_one_clear_line_each(mesh: Mesh, tmp_path: Path, is_served: bool) -> None:
    for name, (content, _) in BAD.items():
        (tmp_path / name).write_bytes(content)
    files = [str(tmp_path / name) for name in BAD]
    server = ["--server", mesh.address] if is_served else []
    done = mesh.command.run("analyze", *files, "--output", "text", "--out", "-", *server)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(BAD), done.stderr
    for line, (name, (_, said)) in zip(lines, BAD.items(), strict=True):
        assert line.startswith(f"pagemesh: {name}: ")
        assert said in line
        assert "Traceback" not in line


def test_the_client_gets_the_error_itself(mesh: Mesh) -> None:
    with Client(mesh.address) as client, Client() as embedded:
        for each in (client, embedded):
            stream = each.analyze(b"Dear Sir or Madam,\n" * 50)
            try:
                result = stream.collect()
            except InvalidDocument as error:
                assert error.reason == "UNSUPPORTED_MEDIA_TYPE"  # noqa: PT017 - either way is fine
            else:
                assert result.document.state == documents.DOCUMENT_STATE_FAILED
                assert "plain text" in result.document.error.message


@pytest.mark.parametrize("output", ["hocr", "alto", "pdf", "overlay"])
def test_every_output_of_a_whole_document(mesh: Mesh, tmp_path: Path, output: str) -> None:
    document = str(SAMPLES / "pages.tiff")
    arguments = ["--pages", "2", "--pipeline", "text", "--option", "ocr.tier=fast"]
    place = ["--output", output, "--out", f"{tmp_path}/"]
    done = mesh.command.run("analyze", document, "--server", mesh.address, *arguments, *place)
    assert done.returncode == 0, done.stderr
    made = list(tmp_path.iterdir())
    assert len(made) == (3 if output == "overlay" else 1)
    assert all(path.stat().st_size > 100 for path in made)


def test_doctor_is_content(command: Command) -> None:
    done = command.run("doctor")
    assert done.returncode == 0, done.stdout

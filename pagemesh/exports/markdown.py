"""A Markdown report: what was found, page by page, for a person."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from pagemesh.exports.characters import printable
from pagemesh.exports.result import Analysis, form_of, note_on, problem_of
from pagemesh.orchestrator.v1 import document_pb2 as documents

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
LINE_START = re.compile(r"^(\d*)([-+=.)])")


def write_markdown(analysis: Analysis, out: BinaryIO) -> None:
    """Write a report: a heading a page, then its fields, ticked boxes, signatures and text."""
    account = analysis.document.pages
    pipeline = analysis.document.pipeline
    out.write(
        f"# {_escape(analysis.document.source or 'Document')}\n\n"
        f"{account.total} pages: {account.ok} ok, {account.failed} failed, "
        f"{account.skipped} skipped. Pipeline {_escape(pipeline.name)} "
        f"{_escape(pipeline.version)}.\n".encode()
    )
    for page in analysis.pages:
        out.write(("\n" + "\n".join(_page(page)) + "\n").encode())


def _page(page: documents.PageResult) -> Iterator[str]:
    label = f" · {_escape(page.classify.label)}" if page.HasField("classify") else ""
    yield f"## Page {page.page_number}{label}"
    note = note_on(page)
    if note:
        yield f"\n> **{_escape(note)}**"
    if form := form_of(page):
        yield f"\nForm: {_escape(form)}"
    yield from _fields(page)
    yield from _boxes(page)
    yield from _signatures(page)
    if page.ocr.lines:
        yield "\n### Text\n"
        yield "  \n".join(_escape(line.text) for line in page.ocr.lines)


def _fields(page: documents.PageResult) -> Iterator[str]:
    others = (documents.FIELD_KIND_CHECKBOX, documents.FIELD_KIND_SIGNATURE)
    texts = [field for field in page.fields if field.kind not in others]
    if texts:
        yield "\n### Fields\n"
        yield "| field | value | confidence |\n| --- | --- | ---: |"
    for field in texts:
        problem = problem_of(field)
        value = f"{field.value} ({problem})" if problem else field.value
        yield f"| {_escape(field.name)} | {_escape(value.strip())} | {field.confidence:.2f} |"


def _boxes(page: documents.PageResult) -> Iterator[str]:
    named = [field for field in page.fields if field.kind == documents.FIELD_KIND_CHECKBOX]
    boxes = page.checkbox.checkboxes
    if not named and not boxes:
        return
    ticked = sum(box.checked for box in boxes)
    yield f"\n### Boxes\n\n{ticked} of {len(boxes)} ticked."
    if named:
        yield ""
    group = ""
    for field in named:
        if field.group and field.group != group:
            yield f"- {_escape(field.group)}"
        group = field.group
        mark = "x" if field.value == "true" else " "
        yield f"{'  ' if group else ''}- [{mark}] {_escape(field.name or 'a box without words')}"


def _signatures(page: documents.PageResult) -> Iterator[str]:
    if not page.HasField("signature"):
        return
    scores = ", ".join(f"{signature.score:.2f}" for signature in page.signature.signatures)
    yield f"\n### Signature\n\n{f'Signed ({scores}).' if scores else 'Not signed.'}"
    places = [field for field in page.fields if field.kind == documents.FIELD_KIND_SIGNATURE]
    if places:
        yield ""
    for field in places:
        state = "signed" if field.value == "true" else "empty"
        yield f"- {_escape(field.name)}: {state} ({field.confidence:.2f})"


def _escape(text: str) -> str:
    one_line = printable(" ".join(text.split()))
    return LINE_START.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", one_line))

"""A result as a person likes to read it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.deskew.v1 import deskew_service_pb2 as deskew_pb
from pagemesh.exports.characters import printable
from pagemesh.exports.result import form_of, problem_of, reason_of
from pagemesh.orchestrator.v1 import document_pb2 as documents

LINES_SHOWN = 6
FIELDS_SHOWN = 40
BOXES_SHOWN = 24

NAMELESS = "a box without words near it"

STATES = {
    documents.DOCUMENT_STATE_SUCCEEDED: ("succeeded", "bold green"),
    documents.DOCUMENT_STATE_PARTIAL: ("partial", "bold yellow"),
    documents.DOCUMENT_STATE_FAILED: ("failed", "bold red"),
    documents.DOCUMENT_STATE_CANCELLED: ("cancelled", "bold yellow"),
}

TURNED = {
    deskew_pb.ORIENTATION_UP: "upright",
    deskew_pb.ORIENTATION_RIGHT: "turned 90° clockwise",
    deskew_pb.ORIENTATION_DOWN: "upside down",
    deskew_pb.ORIENTATION_LEFT: "turned 270° clockwise",
}

FLAWS = {
    "blur": "blurred",
    "darkness": "dark",
    "cut_off": "cut off",
}
"""Measures of quality that say how bad it is, and the word for it."""


def page_view(page: documents.PageResult) -> RenderableType:
    """One page: its kind, how it lies, boxes, signature, fields, first lines, what each step took.

    A page that is not ok says why.
    """
    body = [part for part in _parts(page) if part is not None]
    title = Text(f" Page {page.page_number} ", "bold")
    if page.HasField("classify"):
        title.append_text(_class_of(page.classify))
    style = {
        documents.PAGE_OUTCOME_FAILED: "red",
        documents.PAGE_OUTCOME_SKIPPED: "yellow",
    }.get(page.outcome, "cyan")
    if not body:
        return bare_view([page])
    return Panel(Group(*body), title=title, title_align="left", border_style=style, box=box.ROUNDED)


def is_bare(page: documents.PageResult) -> bool:
    """Whether nothing was even tried on a page: its view is one line."""
    return page.outcome != documents.PAGE_OUTCOME_OK and not (
        page.steps or page.HasField("deskew") or page.HasField("classify")
    )


def bare_view(pages: Sequence[documents.PageResult]) -> Text:
    """One line for bare pages that follow each other for the same reason."""
    first, last = pages[0], pages[-1]
    title = f"Page {first.page_number}"
    if len(pages) > 1:
        title = f"Pages {first.page_number} to {last.page_number}"
    return Text.assemble((f"{title}  ", "bold"), _verdict(first))


def summary_view(document: documents.Document, pages: Iterable[documents.PageResult]) -> Text:
    """The account in one line, and the document's own error in another."""
    state, style = STATES.get(document.state, ("unfinished", "bold"))
    account = document.pages
    text = Text.assemble(
        (clean(document.source), "bold"),
        "  ",
        (state, style),
        f"  {_count(account.total, 'page')}: {account.ok} ok, {account.failed} failed, "
        f"{account.skipped} skipped",
        ("  pipeline ", "dim"),
        f"{document.pipeline.name} {document.pipeline.version}",
    )
    if document.HasField("end_time"):
        begun = document.create_time.ToNanoseconds()
        seconds = (document.end_time.ToNanoseconds() - begun) / 1e9
        text.append(f"  {seconds:.1f} s")
    models = {
        f"{step.model.name} {step.model.version} on {step.model.device}"
        for page in pages
        for step in page.steps
        if step.HasField("model")
    }
    if models:
        text.append(f"\nmodels: {', '.join(sorted(models))}", "dim")
    if document.HasField("error"):
        text.append(f"\n{clean(document.error.message)}", "red")
    return text


def _parts(page: documents.PageResult) -> Iterator[RenderableType | None]:
    if page.outcome != documents.PAGE_OUTCOME_OK and page.steps:
        yield _verdict(page)
    yield _rows(page)
    yield _fields(page)
    yield _lines(page)
    yield _steps(page)


def _verdict(page: documents.PageResult) -> Text:
    failed = page.outcome == documents.PAGE_OUTCOME_FAILED
    word, style = ("failed", "bold red") if failed else ("skipped", "bold yellow")
    if page.outcome == documents.PAGE_OUTCOME_OK:
        return Text("ok, and nothing on it", "dim")
    return Text.assemble((word, style), ": ", clean(reason_of(page)))


def _rows(page: documents.PageResult) -> Table | None:
    """What is said in a line each."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column()
    if page.HasField("deskew"):
        rows.add_row("lies", _pose(page))
        if page.deskew.HasField("quality"):
            rows.add_row("scan", _quality(page))
    if form := form_of(page):
        rows.add_row("form", Text.assemble(clean(form), " ", confidence(page.form.score)))
    if page.HasField("checkbox"):
        rows.add_row("boxes", _boxes(page))
    if page.HasField("signature"):
        rows.add_row("signed", _signed(page))
    return rows if rows.row_count else None


def _class_of(result: ClassifyResult) -> Text:
    text = Text.assemble((f"{clean(result.label)} ", "bold magenta"), confidence(result.score))
    if result.label == "unknown" and result.scores:
        text.append(f" best guess {clean(result.scores[0].label)}", "dim")
    return text.append(" ")


def _pose(page: documents.PageResult) -> Text:
    deskew = page.deskew
    parts = [TURNED.get(deskew.orientation, "no telling which way up")]
    if abs(deskew.skew_degrees) >= 0.05:
        way = "clockwise" if deskew.skew_degrees > 0 else "counter-clockwise"
        parts.append(f"skewed {abs(deskew.skew_degrees):.1f}° {way}")
    parts.append(f"{page.width} × {page.height} px" + (f" at {page.dpi:.0f} dpi" * bool(page.dpi)))
    return Text(", ".join(parts))


def _quality(page: documents.PageResult) -> Text:
    quality = page.deskew.quality
    flaws = [word for name, word in FLAWS.items() if getattr(quality, name) >= 0.5]
    if quality.contrast < 0.4:
        flaws.append("pale")
    words = Text(", ".join(flaws), "yellow") if flaws else Text("good", "green")
    words.append(
        f"  contrast {quality.contrast:.2f}, blur {quality.blur:.2f}, "
        f"darkness {quality.darkness:.2f}, cut off {quality.cut_off:.2f}",
        "dim",
    )
    if quality.text_height_pixels:
        words.append(f", letters {quality.text_height_pixels:.0f} px", "dim")
    return words


def _boxes(page: documents.PageResult) -> Text:
    boxes = page.checkbox.checkboxes
    ticked = sum(found.checked for found in boxes)
    text = Text(f"{ticked} of {len(boxes)} ticked" if boxes else "none")
    named = [field for field in page.fields if field.kind == documents.FIELD_KIND_CHECKBOX]
    shown = [field for field in named if field.value == "true"][:BOXES_SHOWN]
    for field in shown:
        text.append("\n☒ ", "bold green")
        if field.group:
            text.append(f"{clean(field.group)} ", "dim")
        text.append(f"{clean(field.name) or NAMELESS} ")
        text.append_text(confidence(field.confidence))
    return text


def _signed(page: documents.PageResult) -> Text:
    signatures = page.signature.signatures
    text = Text("yes", "bold green") if signatures else Text("no")
    for signature in signatures:
        text.append(" ").append_text(confidence(signature.score))
    for field in page.fields:
        if field.kind == documents.FIELD_KIND_SIGNATURE:
            signed = field.value == "true"
            text.append("\n✍ " if signed else "\n_ ", "bold green" if signed else "bold yellow")
            text.append(f"{clean(field.name)} ").append("signed " if signed else "empty ", "dim")
            text.append_text(confidence(field.confidence))
    return text


def _fields(page: documents.PageResult) -> Table | None:
    """Fields with a value or with a problem; empty ones are counted."""
    texts = [field for field in page.fields if field.kind == documents.FIELD_KIND_TEXT]
    filled = [field for field in texts if field.value or problem_of(field)]
    if not texts:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    table.add_column("field", style="cyan", ratio=2)
    table.add_column("value", style="bold", ratio=3)
    table.add_column("sure", justify="right", no_wrap=True)
    for field in filled[:FIELDS_SHOWN]:
        name, value = Text(clean(field.name)), Text(clean(field.value))
        if problem := problem_of(field):
            value.append(" " * bool(value)).append(clean(problem), "not bold yellow")
        table.add_row(name, value, confidence(field.confidence))
    left = []
    if len(filled) > FIELDS_SHOWN:
        left.append(f"{len(filled) - FIELDS_SHOWN} more")
    if len(filled) < len(texts):
        left.append(f"{len(texts) - len(filled)} empty")
    table.caption = ", ".join(left) or None
    return table


def _lines(page: documents.PageResult) -> Text | None:
    """The first lines, and how much text there is."""
    if not page.HasField("ocr"):
        return None
    lines = page.ocr.lines
    if not lines:
        return Text("no text", "dim")
    words = [word for line in lines for word in line.words]
    text = Text(overflow="ellipsis")
    for line in lines[:LINES_SHOWN]:
        text.append("│ ", "dim").append(f"{clean(line.text)}\n")
    text.append(f"{_count(len(lines), 'line')}, {_count(len(words), 'word')}", "dim")
    if words:
        mean = sum(word.confidence for word in words) / len(words)
        text.append(", mean confidence ", "dim").append_text(confidence(mean))
    return text


def _steps(page: documents.PageResult) -> Text | None:
    """What each step took; which ones were skipped is in the verdict or told by count."""
    parts = []
    for step in page.steps:
        match step.outcome:
            case documents.STEP_OUTCOME_OK:
                parts.append(Text(f"{step.step} {_milliseconds(step)}", "dim"))
            case documents.STEP_OUTCOME_FAILED:
                parts.append(Text(f"{step.step} failed", "red"))
    skipped = Counter(step.outcome for step in page.steps)[documents.STEP_OUTCOME_SKIPPED]
    if skipped:
        parts.append(Text(f"{_count(skipped, 'step')} skipped", "dim"))
    return Text(" · ", "dim").join(parts) if parts else None


def _milliseconds(step: documents.StepReport) -> str:
    milliseconds = step.duration.ToNanoseconds() / 1e6
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def confidence(value: float) -> Text:
    """A chance in [0, 1], coloured by what one should think of it."""
    style = "green" if value >= 0.9 else "yellow" if value >= 0.6 else "red"
    return Text(f"{value:.2f}", style)


def clean(text: str) -> str:
    """One line that no terminal takes for a command."""
    return printable(" ".join(text.split()))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)

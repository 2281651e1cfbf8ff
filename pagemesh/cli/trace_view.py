"""A document's way through the mesh as a person likes to read it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pagemesh.cli.view import STATES, clean
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.traces.span import CLIENT, DOCUMENT, SERVER, KeptSpan
from pagemesh.traces.store import Way
from pagemesh.traces.tree import ModelCall, Node, model_calls, roots_of

_BARS = (12, 60)
"""Fewest and most columns of the time line."""
_HEADINGS = ("span", "by", "at", "took", "waited", "inference", "transport", "sidecar")
_BEFORE = 4
"""Columns before the time line."""
_GAP = 2

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_KINDS: dict[int, str] = {SERVER: "serves", CLIENT: "calls"}
_SKIPPED = "pagemesh.step.skipped"
_WORTH_TELLING = 0.001


def trace_view(way: Way, *, width: int, is_whole: bool) -> RenderableType:
    """The tree with a time line.

    Args:
        way: the document's.
        width: columns that there are.
        is_whole: show every span; otherwise what belongs to one call to a model is one line.
    """
    door = next((s for s in way.spans if s.span_id == way.document.parent_id), way.document)
    rows = [
        row
        for root in roots_of(way)
        for row in _rows(root, "", "", start=door.start, is_whole=is_whole)
    ]
    return Group(_heading(way), "", _table(rows, door.start, width), *_skipped_views(way))


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: the span, and what is written before and after its time line."""

    span: KeptSpan
    cells: tuple[Text, ...]


def _table(rows: Sequence[_Row], start: int, width: int) -> Table:
    """The rows with time lines that take the room which is left; on a narrow screen, fewer columns.

    Args:
        rows: of the tree.
        start: of all, in nanoseconds.
        width: of the screen.
    """
    widths = [
        max(len(heading), *(row.cells[index].cell_len for row in rows))
        for index, heading in enumerate(_HEADINGS)
    ]
    shown = len(widths)
    while shown > _BEFORE and sum(widths[:shown]) + _GAP * shown + _BARS[0] > width:
        shown -= 1
    bar = min(max(width - sum(widths[:shown]) - _GAP * shown, _BARS[0]), _BARS[1])
    line = _TimeLine(start, max(row.span.end for row in rows), bar)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading in _HEADINGS[:2]:
        table.add_column(heading, no_wrap=True)
    for heading in _HEADINGS[2:_BEFORE]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=bar)
    for heading in _HEADINGS[_BEFORE:shown]:
        table.add_column(heading, justify="right", no_wrap=True, style="dim")
    for row in rows:
        cells = row.cells
        table.add_row(*cells[:_BEFORE], line.bar(row.span), *cells[_BEFORE:shown])
    return table


def requests_view(requests: list[KeptSpan]) -> Table:
    """The documents that there are spans of."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("request", "begun", "pipeline", "state", "pages", "took"):
        table.add_column(heading, no_wrap=True)
    for span in requests:
        begun = datetime.fromtimestamp(span.start / 1e9, UTC).astimezone()
        table.add_row(
            Text(clean(str(span.attributes.get("pagemesh.request_id", ""))), "bold"),
            begun.strftime("%Y-%m-%d %H:%M:%S"),
            clean(str(span.attributes.get("pagemesh.pipeline.name", ""))),
            _state(span),
            str(span.attributes.get("pagemesh.document.pages.total", "")),
            _time(span.seconds),
        )
    return table


def _heading(way: Way) -> Text:
    told = way.document.attributes
    text = Text.assemble((clean(way.request_id), "bold"), "  ", _state(way.document))
    account = {
        name: told.get(f"pagemesh.document.pages.{name}", 0)
        for name in ("total", "ok", "failed", "skipped")
    }
    text.append(
        f"  {account['total']} page{'s' * (account['total'] != 1)}: {account['ok']} ok, "
        f"{account['failed']} failed, {account['skipped']} skipped"
    )
    pipeline = (told.get("pagemesh.pipeline.name"), told.get("pagemesh.pipeline.version"))
    text.append("  pipeline ", "dim").append(" ".join(clean(str(p)) for p in pipeline if p))
    if client := told.get("pagemesh.client"):
        text.append("  for ", "dim").append(clean(str(client)))
    text.append(f"  {_time(way.document.seconds)}")
    services = {span.service for span in way.spans}
    text.append(
        f"\ntrace {way.document.trace_id}, {len(way.spans)} spans of {len(services)} processes",
        "dim",
    )
    costs = {
        name.removeprefix("pagemesh.cost."): seconds
        for name, seconds in told.items()
        if name.startswith("pagemesh.cost.")
    }
    if costs:
        paid = ", ".join(f"{_time(cost)} on {device}" for device, cost in sorted(costs.items()))
        queued = told.get("pagemesh.queue.duration", 0.0)
        text.append(f"\ninference {paid}; queued {_time(queued)}, pages added up", "dim")
    return text


def _state(span: KeptSpan) -> Text:
    name = str(span.attributes.get("pagemesh.document.state", ""))
    known = {documents.DocumentState.Name(s).removeprefix("DOCUMENT_STATE_"): s for s in STATES}
    return Text(*STATES[known[name]]) if name in known else Text("unfinished", "bold")


def _rows(node: Node, before: str, glyph: str, *, start: int, is_whole: bool) -> Iterator[_Row]:
    """A span and what is below it, depth first.

    Args:
        node: the span.
        before: what stands before its children's glyphs.
        glyph: what stands before its name.
        start: of all, in nanoseconds.
        is_whole: calls are spans of their own.
    """
    span = node.span
    calls = [] if is_whole else model_calls(node)
    cells = (
        Text(before + glyph, "dim").append_text(_name(node, calls)),
        Text(_by(node, calls), "dim"),
        Text(_time((span.start - start) / 1e9)),
        Text(_time(span.seconds)),
        *map(Text, _costs(span, calls)),
    )
    yield _Row(span, cells)
    below = before + ("" if not glyph else "   " if glyph.startswith("└") else "│  ")
    children = [child for child in node.children if is_whole or child.span.kind != CLIENT]
    for index, child in enumerate(children):
        mark = "└─ " if index == len(children) - 1 else "├─ "
        yield from _rows(child, below, mark, start=start, is_whole=is_whole)


class _TimeLine:
    """Draws spans as bars on a line from `start` to `end` (nanoseconds), `width` columns long."""

    def __init__(self, start: int, end: int, width: int) -> None:
        self._start, self._range = start, max(end - start, 1)
        self._width = width

    def bar(self, span: KeptSpan) -> Text:
        """Where the span lies, to an eighth of a column at its end."""
        width = self._width
        column = min(int((span.start - self._start) / self._range * width), width - 1)
        length = min((span.end - self._start) / self._range * width, width) - column
        full, rest = divmod(max(round(length * 8), 1), 8)
        style = "red" if span.is_error else _style(span)
        return Text(" " * column).append("█" * full + _EIGHTHS[rest].strip(), style)


def _style(span: KeptSpan) -> str:
    if span.name.startswith("step "):
        return "cyan"
    return {DOCUMENT: "bold", "page": "blue", "predict": "green"}.get(span.name, "bright_black")


def _name(node: Node, calls: Sequence[ModelCall]) -> Text:
    span = node.span
    if span.name == "page":
        text = Text(f"page {span.attributes.get('pagemesh.page.number', '')}", "bold")
        outcome = str(span.attributes.get("pagemesh.page.outcome", ""))
        if outcome == "SKIPPED":
            text.append(" skipped", "bold yellow")
    elif span.name.startswith("step "):
        text = Text(clean(span.name.removeprefix("step ")), "cyan")
    elif span.kind in _KINDS:
        text = Text(f"{_KINDS[span.kind]} ", "dim")
        text.append(clean(span.name.rpartition("/")[2]), "not dim")
    else:
        text = Text(clean(span.name), "bold" if span.name == DOCUMENT else "")
    if len(calls) > 1:
        text.append(f" × {len(calls)}", "yellow")
    if reason := span.attributes.get("error.type"):
        text.append(f" {clean(str(reason))}", "bold red")
    return text


def _by(node: Node, calls: Sequence[ModelCall]) -> str:
    """The process; of a step that asked a model, the model."""
    told = node.span.attributes
    if calls and "pagemesh.model.name" in told:
        names = ("pagemesh.model.name", "pagemesh.model.version", "pagemesh.device")
        return clean(" ".join(str(told.get(name, "")) for name in names) + _batch(node, calls))
    return clean(node.span.service) + _batch(node, calls)


def _batch(node: Node, calls: Sequence[ModelCall]) -> str:
    size = node.span.attributes.get("pagemesh.batch.size", 0)
    if node.span.name != "predict" and not (calls and size > 1):
        return ""
    return f", batch of {size:g}" + (", begun for another page" if node.is_shared else "")


def _costs(span: KeptSpan, calls: Sequence[ModelCall]) -> Iterator[str]:
    """What a span waited, inference, transport, and what the sidecar took of that."""
    told = span.attributes
    waited = told.get("pagemesh.page.wait.duration", 0.0)
    if calls or span.kind == SERVER:
        waited = told.get("pagemesh.queue.duration", 0.0)
    yield _time(waited) if waited >= _WORTH_TELLING else ""
    inference = told.get("pagemesh.inference.duration") if calls or span.kind == SERVER else None
    yield "" if inference is None else _time(inference)
    for seconds in (calls[-1].way_seconds, calls[-1].sidecar_seconds) if calls else (None, None):
        yield "" if seconds is None else _time(seconds)


def _skipped_views(way: Way) -> Iterator[Text]:
    """Which steps were not needed on which pages, and why; equal reasons of a page once."""
    for span in sorted(way.spans, key=lambda s: s.start):
        by_reason: dict[str, list[str]] = {}
        for event in span.events:
            if event.name == _SKIPPED:
                told = event.attributes
                steps = by_reason.setdefault(str(told.get("pagemesh.step.reason", "")), [])
                steps.append(clean(str(told.get("pagemesh.step.name", ""))))
        for reason, steps in by_reason.items():
            page = span.attributes.get("pagemesh.page.number", "")
            yield Text.assemble(
                (f"page {page} ", "bold"),
                (f"without {', '.join(steps)}: ", "yellow"),
                (clean(reason), "dim"),
            )


def _time(seconds: float) -> str:
    """A length of time in three digits or so."""
    if seconds >= 60:
        return f"{seconds / 60:.1f} min"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.01:
        return f"{seconds * 1e3:.0f} ms"
    return f"{max(seconds, 0) * 1e3:.1f} ms"

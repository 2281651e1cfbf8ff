"""Writes the tables of docs/observability.md from the names in the code.

`python -m scripts.describe_telemetry` writes them; with `--check` it fails when they are not fresh.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.telemetry import names as gateway
from meshkit.telemetry import names as every_process
from meshkit.telemetry.vocabulary import Metric, MetricKind, Span, Vocabulary
from orchestrator.sources import names as kafka_door
from orchestrator.telemetry import names as orchestrator
from pagemesh.cli import tracing as command
from sidecar.telemetry import names as sidecar

DOCUMENT = Path(__file__).parents[1] / "docs" / "observability.md"
BEGIN, END = "<!-- begin {part}: made by `make telemetry-docs` -->", "<!-- end {part} -->"


def sidecar_vocabulary() -> Vocabulary:
    """The sidecar's names in the form that other rooms have."""
    counters = {sidecar.MODEL_PAGES, sidecar.DROPPED, sidecar.LOST_SPANS}

    def kind(metric: sidecar.Metric) -> MetricKind:
        if metric in sidecar.HISTOGRAMS:
            return "histogram"
        return "counter" if metric in counters else "updowncounter"

    call = (sidecar.SYSTEM, sidecar.METHOD, sidecar.STATUS, sidecar.ERROR)
    sizes = (
        *(sidecar.REQUEST_MESSAGES, sidecar.REQUEST_SIZE),
        *(sidecar.RESPONSE_MESSAGES, sidecar.RESPONSE_SIZE),
    )
    model = (
        *(sidecar.MODEL_NAME, sidecar.MODEL_VERSION, sidecar.PAGES),
        *(sidecar.BATCH_SIZE, sidecar.QUEUE_TIME, sidecar.INFERENCE_TIME),
    )
    spans = (
        Span(
            "{rpc.method}",
            "SERVER",
            "A call as its caller sees it at the proxy. Health and reflection make none.",
            (*call, sidecar.CALLER, sidecar.REFUSED, *sizes),
        ),
        Span("{rpc.method}", "CLIENT", "The call on its way to the model.", (*call, *model)),
    )
    labels = (*call, sidecar.CALLER)
    metrics = tuple(
        Metric(
            metric.name,
            kind(metric),
            metric.unit,
            metric.description,
            labels if metric in {*sidecar.HISTOGRAMS, sidecar.MODEL_PAGES} else (),
        )
        for metric in sidecar.METRICS
    )
    return Vocabulary(spans, metrics, sidecar.ATTRIBUTES)


def rooms() -> dict[str, Vocabulary]:
    """Who tells what, by the name of the process."""
    return {
        "every process": every_process.VOCABULARY,
        "orchestrator": orchestrator.VOCABULARY,
        "orchestrator, from Kafka": kafka_door.VOCABULARY,
        "sidecar": sidecar_vocabulary(),
        "gateway": gateway.VOCABULARY,
        "command": command.VOCABULARY,
    }


def span_table() -> Iterator[str]:
    """The spans as Markdown."""
    yield from _table(
        ("span", "kind", "made by", "covers", "attributes"),
        [
            (f"`{s.name}`", s.kind, room, s.description, _codes(s.attributes))
            for room, vocabulary in rooms().items()
            for s in vocabulary.spans
        ],
    )


def metric_table() -> Iterator[str]:
    """The metrics as Markdown."""
    yield from _table(
        ("metric", "kind", "unit", "made by", "what", "attributes"),
        [
            (f"`{m.name}`", m.kind, f"`{m.unit}`", room, m.description, _codes(m.attributes))
            for room, vocabulary in rooms().items()
            for m in vocabulary.metrics
        ],
    )


def attribute_table() -> Iterator[str]:
    """The attributes as Markdown."""
    meanings: dict[str, str] = {}
    for vocabulary in rooms().values():
        for name, meaning in vocabulary.attributes.items():
            meanings.setdefault(name, meaning)
    yield from _table(
        ("attribute", "meaning"), [(f"`{name}`", meanings[name]) for name in sorted(meanings)]
    )


def described(text: str) -> str:
    """The document with its tables made anew."""
    for part, table in (
        ("spans", span_table()),
        ("metrics", metric_table()),
        ("attributes", attribute_table()),
    ):
        begin, end = BEGIN.format(part=part), END.format(part=part)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        lines = "\n".join(table)
        text = f"{before}{begin}\n\n{lines}\n\n{end}{after}"
    return text


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (heading, ["---"] * len(heading), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _codes(attributes: Sequence[str]) -> str:
    return " ".join(f"`{name}`" for name in attributes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.describe_telemetry")
    parser.add_argument("--check", action="store_true", help="fail instead of writing")
    arguments = parser.parse_args()
    text = DOCUMENT.read_text()
    fresh = described(text)
    if arguments.check:
        if fresh != text:
            sys.exit(f"{DOCUMENT.name} is not fresh: run `make telemetry-docs`")
        return
    DOCUMENT.write_text(fresh)


if __name__ == "__main__":
    main()

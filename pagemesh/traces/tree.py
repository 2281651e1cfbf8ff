"""A document's spans as a tree, in the order of time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pagemesh.traces.span import CLIENT, SERVER, KeptSpan
from pagemesh.traces.store import Way


@dataclass
class Node:
    """A span and what is below it.

    Attributes:
        span: itself.
        children: by their start.
        is_shared: True for a batch that was begun for another document's page.
    """

    span: KeptSpan
    children: list["Node"] = field(default_factory=list)
    is_shared: bool = False

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a step to its model, all processes on its way together.

    Attributes:
        client: the orchestrator's span.
        sidecar: the proxy's span of the call, and of its way on to the model; None without one.
        server: the model's span; None when the call did not get there.
        batches: that served it.
    """

    client: KeptSpan
    sidecar: tuple[KeptSpan, KeptSpan] | None
    server: KeptSpan | None
    batches: Sequence[KeptSpan]

    @property
    def way_seconds(self) -> float | None:
        """What of the call was spent outside of the model; None when it did not get there."""
        return None if self.server is None else self.client.seconds - self.server.seconds

    @property
    def sidecar_seconds(self) -> float | None:
        """What of the call the proxy took; None without one."""
        return None if self.sidecar is None else self.sidecar[0].seconds - self.sidecar[1].seconds


def roots_of(way: Way) -> list[Node]:
    """The trees of a document's trace; a span whose parent is not kept is a root.

    A batch stands below every call of this document that it served, whatever trace it is in.
    """
    nodes = {span.span_id: Node(span) for span in way.spans if _is_own(span, way)}
    parents = dict.fromkeys(nodes, "")
    for span in way.spans:
        if _is_own(span, way):
            parents[span.span_id] = span.parent_id
        for trace_id, span_id in span.links:
            # The call that began the batch has it below itself already.
            is_here = trace_id == way.document.trace_id and span_id in nodes
            if is_here and span.parent_id != span_id:
                nodes[span_id].children.append(Node(span, is_shared=True))
    roots: list[Node] = []
    for span_id, node in nodes.items():
        above = nodes.get(parents[span_id])
        (roots if above is None else above.children).append(node)
    for node in nodes.values():
        node.children.sort(key=lambda child: (child.span.start, child.span.end))
    return sorted(roots, key=lambda node: node.span.start)


def model_calls(step: Node) -> list[ModelCall]:
    """The calls directly below a step, repeated ones included."""
    return [_call(child) for child in step.children if child.span.kind == CLIENT]


def _call(node: Node) -> ModelCall:
    by_kind: dict[int, list[KeptSpan]] = defaultdict(list)
    for below in node.walk():
        by_kind[below.span.kind].append(below.span)
    servers, clients = by_kind[SERVER], by_kind[CLIENT]
    has_sidecar = len(servers) > 0 and len(clients) > 1
    batches = [below.span for below in node.walk() if below.span.name == "predict"]
    return ModelCall(
        client=node.span,
        sidecar=(servers[0], clients[1]) if has_sidecar else None,
        server=servers[-1] if len(servers) > has_sidecar else None,
        batches=batches,
    )


def _is_own(span: KeptSpan, way: Way) -> bool:
    return span.trace_id == way.document.trace_id

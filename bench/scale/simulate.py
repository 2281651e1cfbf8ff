"""`python -m bench.scale.simulate`: a day of pages through the mesh, step by step, as a table.

A fluid model in steps of five seconds: pages flow from Kafka through orchestrators into models;
each model has a queue, pods, and Kubernetes' autoscaler with its delays. What is assumed are the
fields of `Assumptions`; costs are costs.json.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.scale.costs import RESULT

STEP = 5.0
DAY = 24 * 3600.0
_A4_BYTES = 11.6e6
_CONTROL_SECONDS = 15.0
_CALM_SECONDS = 300.0


@dataclass(frozen=True)
class Assumptions:
    """What is taken for granted.

    Attributes:
        pages: of the day.
        peak: the busiest hour's rate by the mean rate.
        cores: processors of one pod, by model.
        most: pods that a model may have.
        least: pods that a model has at night.
        partitions: of the requests' topic, and so the most orchestrators.
        in_flight_bytes: of pages in work in one orchestrator.
        own_seconds: an orchestrator's processor time for a page beside rasterising it.
        ready_seconds: until a new pod takes pages: its node, its image, its model.
        target: utilization that autoscalers aim at.
    """

    pages: float
    peak: float = 3.0
    cores: Mapping[str, float] = field(
        default_factory=lambda: {
            "deskew": 1,
            "classify": 1,
            "ocr": 2,
            "checkbox": 1,
            "signature": 1,
        }
    )
    most: Mapping[str, int] = field(
        default_factory=lambda: {
            "deskew": 8,
            "classify": 8,
            "ocr": 40,
            "checkbox": 16,
            "signature": 12,
        }
    )
    least: int = 2
    partitions: int = 48
    in_flight_bytes: float = 36 * 2**20
    own_seconds: float = 0.5
    ready_seconds: float = 90.0
    target: float = 0.7


@dataclass
class Model:
    """One model's pods and queue."""

    seconds: float
    cores: float
    most: int
    pods: float
    queue: float = 0.0
    worked: float = 0.0
    coming: list[tuple[float, float]] = field(default_factory=list)
    calm_since: float = 0.0

    @property
    def rate(self) -> float:
        """Pages a second that its pods can take."""
        return self.pods * self.cores / self.seconds

    def work(self, arriving: float) -> float:
        """Take pages for one step; those that are done."""
        self.queue += arriving
        done = min(self.queue, self.rate * STEP)
        self.queue -= done
        self.worked = done / (self.rate * STEP)
        return done

    def scale(self, now: float, a: Assumptions) -> None:
        """What the autoscaler does every fifteen seconds."""
        ready = [pods for at, pods in self.coming if at <= now]
        self.pods += sum(ready)
        self.coming = [(at, pods) for at, pods in self.coming if at > now]
        if now % _CONTROL_SECONDS >= STEP:
            return
        planned = self.pods + sum(pods for _, pods in self.coming)
        wanted = min(self.most, max(a.least, math.ceil(self.pods * self.worked / a.target)))
        if wanted > planned:
            # At most twice as many in 30 s, of which this is the half.
            more = min(wanted - planned, max(1.0, planned / 2))
            self.coming.append((now + a.ready_seconds, more))
        if wanted >= self.pods:
            self.calm_since = now
        elif now - self.calm_since >= _CALM_SECONDS:
            self.pods = max(wanted, math.floor(self.pods * 0.75), a.least)
            self.calm_since = now - _CALM_SECONDS + 60


@dataclass(frozen=True)
class Outcome:
    """What a day came to.

    Attributes:
        late: the longest wait for a page in Kafka and queues, in seconds.
        left: pages not done at the day's end.
        pods: the most pods of each model.
        limit: what bound most often while pages waited.
    """

    late: float
    left: float
    pods: Mapping[str, int]
    limit: str


def arrivals(now: float, a: Assumptions) -> float:
    """Pages a second: quiet nights, a peak at noon."""
    mean = a.pages / DAY
    shape = max(0.0, math.sin(math.pi * (now / DAY - 0.25) / 0.5))
    mean_shape = 1 / math.pi
    night = (a.peak * mean_shape - 1) / (mean_shape - 1) if a.peak * mean_shape < 1 else 0.0
    scale = (1 - night) / mean_shape
    return mean * (night + scale * shape)


def simulate(a: Assumptions, costs: Mapping[str, float]) -> Outcome:
    """Run one day."""
    models = {name: Model(costs[name], a.cores[name], a.most[name], a.least) for name in a.most}
    waiting, inside, late, most = 0.0, 0.0, 0.0, dict.fromkeys(models, a.least)
    bound: dict[str, int] = {}
    for step in range(round(DAY / STEP)):
        now = step * STEP
        waiting += arrivals(now, a) * STEP
        room = a.partitions * max(1.0, a.in_flight_bytes / _A4_BYTES)
        able = a.partitions / (costs["orchestrator"] + a.own_seconds) * STEP
        taken = min(waiting, max(0.0, room - inside) + STEP * min(m.rate for m in models.values()))
        taken = min(taken, able)
        waiting -= taken
        done = min(model.work(taken) for model in models.values())
        inside = sum(model.queue for model in models.values()) / len(models)
        for name, model in models.items():
            model.scale(now, a)
            most[name] = max(most[name], math.ceil(model.pods))
        slow = min(models, key=lambda name: models[name].rate)
        if waiting > arrivals(now, a) * 60:
            limit = "orchestrators" if taken >= able else slow
            bound[limit] = bound.get(limit, 0) + 1
        late = max(late, (waiting + models[slow].queue) / max(done / STEP, 1e-9) if done else 0.0)
    limit = max(bound, key=lambda name: bound[name]) if bound else "nothing"
    return Outcome(late, waiting, most, limit)


def cases(costs: Mapping[str, float]) -> dict[str, Assumptions]:
    """Days by name."""
    shipped = Assumptions(pages=1e6)
    need = {
        name: math.ceil(1e7 / DAY * shipped.peak * costs[name] / shipped.cores[name] / 0.6)
        for name in shipped.most
    }
    ten = replace(shipped, pages=1e7, most=need, in_flight_bytes=512 * 2**20, partitions=192)
    return {
        "0.3 million, as shipped": replace(shipped, pages=3e5),
        "1 million, as shipped": shipped,
        "10 million, as shipped": replace(shipped, pages=1e7),
        "10 million, room for it": ten,
        "the same, 48 partitions": replace(ten, partitions=48),
        "the same, nodes take 5 minutes": replace(ten, ready_seconds=300),
        "the same, autoscalers aim at 50 %": replace(ten, target=0.5),
    }


def tables() -> tuple[list[str], list[str]]:
    """Lines of Markdown: what a page costs, and what days of them come to."""
    measured = json.loads(RESULT.read_text())
    names = sorted(measured)
    costs = [
        "| " + " | ".join(["processor seconds a page", *names]) + " |",
        "| --- " * (len(names) + 1) + "|",
        "| | " + " | ".join(f"{measured[name]:.3f}" for name in names) + " |",
    ]
    days = [
        "| day | longest wait | left at midnight | OCR pods | what bound |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, assumed in cases(measured).items():
        out = simulate(assumed, measured)
        late = f"{out.late / 60:.0f} min" if out.late > 90 else f"{out.late:.0f} s"
        days.append(f"| {name} | {late} | {out.left:,.0f} | {out.pods['ocr']} | {out.limit} |")
    return costs, days


def main() -> None:
    """Print both."""
    costs, days = tables()
    print(*costs, "", *days, sep="\n")


if __name__ == "__main__":
    main()

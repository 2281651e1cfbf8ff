"""Pods of a test's mesh: who they are, as the overlay says, and what runs in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from scripts.manifests.objects import WORKLOADS, Objects, Pod
from tests.mesh.istio.world import Place
from tests.mesh.ports import later_port


class Inside(Enum):
    """What a pod has beside its Envoy."""

    NOTHING = "it only calls"
    BACKEND = "a backend"
    SIDECAR = "a backend behind the project's sidecar"
    MODEL = "a model server behind the project's sidecar"
    ORCHESTRATOR = "the orchestrator"
    GATEWAY = "the gateway"
    REST = "a web server"
    ECHO = "a server that sends bytes back"
    COLLECTOR = "a receiver of telemetry"


@dataclass(frozen=True)
class Member:
    """A pod to be.

    Attributes:
        name: its own.
        workload: the overlay's Deployment or StatefulSet that it is of.
        foreign, shown: as of its place.
    """

    name: str
    workload: str
    inside: Inside = Inside.NOTHING
    foreign: bool = False
    shown: str = ""


INGRESS = Member("ingress", "istio-ingressgateway")


def place(objects: Objects, member: Member) -> Place:
    """Where a pod will be; its ports are taken now. Raises KeyError: no such workload."""
    if member is INGRESS:
        account = "istio-ingressgateway-service-account"
        return Place(member.name, account, {"istio": "ingressgateway"}, {}, "istio-system")
    pod = workload(objects, member.workload)
    ports = pod.ports.values() if member.inside is not Inside.NOTHING else ()
    return Place(
        name=member.name,
        account=pod.spec["serviceAccountName"],
        labels=pod.labels,
        containers={port: later_port() for port in ports},
        foreign=member.foreign,
        shown=member.shown,
    )


def workload(objects: Objects, name: str) -> Pod:
    """The pod of a workload's template. Raises KeyError."""
    for kind in WORKLOADS:
        made = objects.find(kind, name)
        if made is not None:
            return Pod(made)
    raise KeyError(name)


def several(name: str, count: int, inside: Inside) -> Sequence[Member]:
    """Pods of one workload: `ocr-1`, `ocr-2`."""
    return [Member(f"{name}-{number}", name, inside) for number in range(1, count + 1)]

"""What istiod knows: services, pods, identities, and where all of it is on this machine."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.manifests.objects import Object, Objects, has_labels, matches, namespace

TRUST_DOMAIN = "cluster.local"


@dataclass(frozen=True)
class Place:
    """A pod: its proxy, and what is behind it.

    Attributes:
        account: its service account.
        labels: as on the workload's template.
        containers: ports on 127.0.0.1 where its containers listen, by ports of the pod.
        namespace: its own.
        foreign: whether its certificate is of a foreign authority.
        shown: the account in its certificate, when that is another's.
    """

    name: str
    account: str
    labels: Mapping[str, str]
    containers: Mapping[int, int]
    namespace: str = "pagemesh"
    foreign: bool = False
    shown: str = ""

    @property
    def identity(self) -> str:
        """What its certificate says."""
        return identity(self.namespace, self.shown or self.account)


def identity(place: str, account: str) -> str:
    """The SPIFFE id of a service account in a namespace."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{place}/sa/{account}"


@dataclass(frozen=True)
class Port:
    """A service's port.

    Attributes:
        target: the pods' own port.
        protocol: `grpc` or `http`; anything else is passed as bytes.
    """

    number: int
    target: int
    protocol: str


@dataclass(frozen=True)
class Known:
    """A service of the cluster."""

    name: str
    namespace: str
    selector: Mapping[str, str]
    ports: Sequence[Port]

    @property
    def host(self) -> str:
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def cluster(self, port: int, subset: str = "") -> str:
        """The name of the cluster of a port, or of a subset's."""
        return f"outbound|{port}|{subset}|{self.host}"


@dataclass(frozen=True)
class World:
    """A mesh on the loopback interface.

    Attributes:
        objects: the overlay.
        pods: those that run.
        certificates: the folder with `<pod>.pem`, `<pod>.key`, `authority.pem`, `public.*`.
        network: second number of all addresses, 127.x.
        admin: ports of proxies' own interfaces, by pod.
        outside: the port on 127.0.0.1 that stands for port 443 of all hosts outside.
        providers: of telemetry, as Istio's mesh configuration names them.
        hurry: durations are divided by it.
        jwks: keys of issuers, as text, by where they are.
        changing: services whose pods come and go, of which proxies hear by files in `endpoints`.
    """

    objects: Objects
    pods: Sequence[Place]
    certificates: Path
    network: int
    admin: Mapping[str, int]
    providers: Sequence[Mapping[str, Any]]
    jwks: Mapping[str, str]
    outside: int = 0
    hurry: float = 1.0
    changing: Set[str] = frozenset()

    @property
    def endpoints(self) -> Path:
        """The folder of these files, one for each cluster."""
        return self.certificates.with_name("endpoints")

    @cached_property
    def services(self) -> list[Known]:
        """Services of the overlay whose pods are of the overlay, too."""
        found = [_known(self.objects, made) for made in self.objects.of("Service")]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def service(self, host: str) -> Known:
        """By its short name, or its whole one. Raises KeyError."""
        for one in self.services:
            if host in (one.name, f"{one.name}.{one.namespace}", one.host):
                return one
        raise KeyError(host)

    def select(self, labels: Mapping[str, str], within: str) -> list[Place]:
        """Pods of a namespace that have these labels."""
        here = [pod for pod in self.pods if pod.namespace == within]
        return [pod for pod in here if has_labels(pod.labels, labels)]

    def applying(self, pod: Place, kind: str) -> Iterator[Object]:
        """Policies of a pod's namespace whose selector takes it."""
        for made in self.objects.of(kind):
            selector = made["spec"].get("selector", {})
            if namespace(made) == pod.namespace and matches(pod.labels, selector):
                yield made

    def address(self, pod: Place) -> str:
        """Where a pod's proxy takes what comes in."""
        return f"127.{self.network}.1.{self.pods.index(pod) + 1}"

    def virtual(self, pod: Place, service: Known) -> str:
        """The service's address, as its callers in a pod see it: it is their own proxy's."""
        return f"127.{self.network}.{self.pods.index(pod) + 2}.{self.services.index(service) + 1}"

    def elsewhere(self, pod: Place) -> str:
        """The address by which a pod's proxy takes calls to hosts that are no services."""
        return f"127.{self.network}.{self.pods.index(pod) + 2}.254"

    def duration(self, seconds: float | None) -> str | None:
        """As Envoy wants it, hurried."""
        return self.kept(None if seconds is None else seconds / self.hurry)

    def kept(self, seconds: float | None) -> str | None:
        """As Envoy wants it, and as long as it is."""
        return None if seconds is None else f"{seconds:.9f}s"


def _known(objects: Objects, made: Object) -> Known | None:
    """A service; None when nothing of the overlay is behind it."""
    selector = made["spec"].get("selector", {})
    pods = objects.select(selector, made) if selector else []
    if not pods:
        return None
    ports = list(_ports(made, pods[0].ports))
    return Known(made["metadata"]["name"], namespace(made), selector, ports)


def _ports(made: Object, named: Mapping[str, int]) -> Iterator[Port]:
    for port in made["spec"]["ports"]:
        target = port.get("targetPort", port["port"])
        protocol = port.get("appProtocol") or port.get("name", "tcp").partition("-")[0]
        yield Port(port["port"], named.get(target, target), protocol)

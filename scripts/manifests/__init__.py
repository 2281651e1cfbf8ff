"""What no schema says of Kubernetes' objects: whether the names in them lead to something.

`problems` asks all of it of a built overlay; `python -m scripts.manifests k8s/overlays/*` prints
what is wrong.
"""

from collections.abc import Callable, Sequence

from scripts.manifests import (
    accounts,
    clients,
    configuration,
    environment,
    images,
    istio,
    pods,
    selectors,
)
from scripts.manifests.objects import Objects

CHECKS: Sequence[Callable[[Objects], list[str]]] = (
    selectors.selectors,
    selectors.ports,
    accounts.accounts,
    configuration.references,
    environment.environments,
    environment.addresses,
    images.images,
    istio.routes,
    istio.doors,
    istio.retries,
    clients.strangers,
    clients.tokens,
    pods.lifecycles,
    pods.standards,
    pods.volumes,
    pods.denials,
)


def problems(objects: Objects) -> list[str]:
    """Everything that is wrong, a line each, naming the object."""
    return [f"{check.__name__}: {line}" for check in CHECKS for line in check(objects)]

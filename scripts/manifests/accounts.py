"""Service accounts: those of pods, and those that policies let in."""

from scripts.manifests.objects import Object, Objects, namespace, title

# Of Istio's own installation.
FOREIGN = {"istio-system/istio-ingressgateway-service-account"}


def accounts(objects: Objects) -> list[str]:
    """Every account that is named exists, and each deployable has its own."""
    wrong = []
    known = {
        f"{namespace(made)}/{made['metadata']['name']}" for made in objects.of("ServiceAccount")
    }
    for pod in objects.pods:
        name = pod.spec.get("serviceAccountName", "default")
        if f"{pod.namespace}/{name}" not in known:
            wrong.append(f"{pod.title} runs as service account {name}: not there")
    for policy in objects.of("AuthorizationPolicy"):
        for name in _named(policy):
            full = name if "/" in name else f"{namespace(policy)}/{name}"
            if full not in known | FOREIGN:
                wrong.append(f"{title(policy)} lets {name} in: no such service account")
    return wrong


def _named(policy: Object) -> list[str]:
    return [
        name
        for rule in policy["spec"].get("rules", [])
        for source in rule.get("from", [])
        for name in source["source"].get("serviceAccounts", [])
    ]

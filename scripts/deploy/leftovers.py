"""Objects of an earlier deployment that the overlay has no more."""

from scripts.deploy.cluster import Cluster
from scripts.manifests.objects import NAMESPACE, Object, Objects

# No data and no namespaces: volumes, secrets and Kafka's objects are for people to delete.
KINDS = (
    *("deployments.apps", "services", "horizontalpodautoscalers.autoscaling"),
    *("poddisruptionbudgets.policy", "networkpolicies.networking.k8s.io", "serviceaccounts"),
    *("virtualservices.networking.istio.io", "destinationrules.networking.istio.io"),
    *("serviceentries.networking.istio.io", "gateways.networking.istio.io"),
    *("authorizationpolicies.security.istio.io", "requestauthentications.security.istio.io"),
    "scaledobjects.keda.sh",
)


def leftovers(cluster: Cluster, made: list[Object]) -> list[tuple[str, str]]:
    """Kind and name of each. Raises DeployError."""
    kept = Objects(made)
    known = set(cluster.run("api-resources", "--output=name").stdout.split())
    found = []
    for kind in KINDS:
        if kind in known:
            label = f"--selector=app.kubernetes.io/part-of={NAMESPACE}"
            for one in cluster.get(kind, label, f"--namespace={NAMESPACE}"):
                name = one["metadata"]["name"]
                # KEDA makes an autoscaler of its own from a ScaledObject.
                if "ownerReferences" not in one["metadata"] and not kept.find(one["kind"], name):
                    found.append((kind, name))
    return found


def remove(cluster: Cluster, found: list[tuple[str, str]]) -> None:
    """Delete them. Raises DeployError."""
    for kind, name in found:
        cluster.run("delete", kind, name, f"--namespace={NAMESPACE}", "--wait=false")

"""`python -m scripts.deploy deploy | diff | status | undeploy --overlay local`."""

import argparse
import sys
import time
from pathlib import Path

import yaml

from infra.downloads import ServiceError
from scripts.deploy.cluster import MANAGER, Cluster, DeployError
from scripts.deploy.leftovers import leftovers, remove
from scripts.deploy.preflight import missing
from scripts.deploy.rollout import reasons, undo, wait, workloads
from scripts.deploy.smoke import credential, smoke
from scripts.manifests.objects import NAMESPACE, Object, build, title

_ROOT = Path(__file__).parents[2]
_APPLY = ("apply", "--server-side", f"--field-manager={MANAGER}", "--force-conflicts")


def deploy(cluster: Cluster, made: list[Object], asked: argparse.Namespace) -> None:
    """Check, apply, wait, try. Raises DeployError."""
    wrong = missing(cluster, made)
    if wrong:
        raise DeployError("\n".join(["nothing was changed:", *(f"  {line}" for line in wrong)]))
    text = yaml.safe_dump_all(made)
    if asked.dry_run:
        print(_dry(cluster, made, text), end="")
        return
    print(cluster.run(*_APPLY, "--filename=-", stdin=text).stdout, end="")
    old = leftovers(cluster, made)
    began = time.monotonic()
    wrong = wait(cluster, made, asked.seconds)
    if wrong:
        told = ["the new version is not up:", *(f"  {line}" for line in wrong)]
        told += [f"  {line}" for line in undo(cluster, made)] if asked.rollback else []
        raise DeployError("\n".join(told))
    remove(cluster, old)
    print(*(f"{kind}/{name} removed: the overlay has it no more" for kind, name in old), sep="\n")
    print(f"{len(workloads(made))} workloads up after {time.monotonic() - began:.0f} s")
    if asked.smoke:
        print(smoke(asked.smoke, credential(asked.smoke_key_file)))
    else:
        print("no document was tried: name a door, SMOKE=https://host or grpcs://host:port")
    _tell_doors(made)


def _dry(cluster: Cluster, made: list[Object], text: str) -> str:
    """What would be done. The server looks at all of it once the namespaces are there."""
    there = cluster.get("namespace", NAMESPACE)
    if not there:
        return "".join(f"{title(one)} would be made\n" for one in made)
    return cluster.run(*_APPLY, "--dry-run=server", "--filename=-", stdin=text).stdout


def _tell_doors(made: list[Object]) -> None:
    for one in made:
        if one["kind"] == "Gateway":
            for host in one["spec"]["servers"][0]["hosts"]:
                print(f"REST  https://{host}/\ngRPC  {host}:443")


def diff(cluster: Cluster, made: list[Object], asked: argparse.Namespace) -> None:
    """Print what would change. Raises DeployError."""
    del asked
    if not cluster.get("namespace", NAMESPACE):
        print(f"namespace {NAMESPACE} is not there: everything would be made")
        return
    flags = ("--server-side", f"--field-manager={MANAGER}", "--force-conflicts", "--filename=-")
    done = cluster.run("diff", *flags, stdin=yaml.safe_dump_all(made), fine=(0, 1))
    print(done.stdout or "nothing would change\n", end="")


def status(cluster: Cluster, made: list[Object], asked: argparse.Namespace) -> None:
    """Print each workload's pods, and why some are not ready. Raises DeployError."""
    del asked
    for one in workloads(made):
        name, where = one["metadata"]["name"], one["metadata"]["namespace"]
        found = cluster.get(one["kind"].lower(), name, f"--namespace={where}")
        if not found:
            print(f"{title(one):<32} not there")
            continue
        told = found[0]["status"]
        wanted = told.get("replicas", told.get("desiredNumberScheduled", 0))
        ready = told.get("readyReplicas", told.get("numberReady", 0))
        image = one["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("/")[2]
        print(f"{title(one):<32} {ready}/{wanted} ready  {image}")
        if ready < wanted:
            print(*(f"  {line}" for line in reasons(cluster, one)), sep="\n")


def undeploy(cluster: Cluster, made: list[Object], asked: argparse.Namespace) -> None:
    """Delete what was deployed; namespaces and volumes stay unless data go. Raises DeployError."""
    gone = [one for one in made if asked.delete_data or _holds_no_data(one)]
    flags = ("--ignore-not-found", "--filename=-", f"--timeout={round(asked.seconds)}s")
    print(cluster.run("delete", *flags, stdin=yaml.safe_dump_all(gone)).stdout, end="")
    if not asked.delete_data:
        print("namespaces, volumes and Kafka's topics are kept: DELETE_DATA=1 deletes them, too")


def _holds_no_data(made: Object) -> bool:
    kafka = made["apiVersion"].startswith("kafka.strimzi.io")
    return made["kind"] not in ("Namespace", "PersistentVolumeClaim") and not kafka


def main() -> int:
    """Exits 1 with what is wrong."""
    commands = {"deploy": deploy, "diff": diff, "status": status, "undeploy": undeploy}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("--overlay", default="local", help="of k8s/overlays, or a folder")
    parser.add_argument("--context", default="", help="of the kubeconfig")
    parser.add_argument("--kubectl", default="kubectl")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--rollback", action="store_true", help="when a rollout fails")
    parser.add_argument("--delete-data", action="store_true")
    parser.add_argument(
        "--smoke", default="", help="door for a sample: https://host, grpcs://host:port, host:port"
    )
    parser.add_argument(
        "--smoke-key-file",
        type=Path,
        help="of an API key, or of a token for gRPC; without it PAGEMESH_API_KEY is taken",
    )
    parser.add_argument("--seconds", type=float, default=600, help="that a rollout may take")
    asked = parser.parse_args()
    own = _ROOT / "k8s" / "overlays" / asked.overlay
    try:
        made = build(own if own.is_dir() else Path(asked.overlay))
        commands[asked.command](Cluster(asked.kubectl, asked.context), made, asked)
    except (DeployError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

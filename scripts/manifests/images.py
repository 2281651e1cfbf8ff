"""Images: pinned, ours from one registry, each with a Dockerfile."""

from pathlib import Path

from scripts.manifests.environment import deployable
from scripts.manifests.objects import Objects

_ROOT = Path(__file__).parents[2]


def images(objects: Objects) -> list[str]:
    """Every image has a tag that does not move, and ours can be built."""
    wrong = []
    for pod, container in objects.containers():
        image = str(container["image"])
        where = f"{pod.title} {container['name']}: {image}"
        _, _, tag = image.rpartition("/")[2].partition(":")
        if tag in ("", "latest") and "@sha256:" not in image:
            wrong.append(f"{where} has no tag of its own")
        if image.startswith("REGISTRY/"):
            wrong.append(f"{where} has no registry: is k8s/wiring the last component?")
        if deployable(container) and not dockerfile(deployable(container)).is_file():
            wrong.append(f"{where} has no Dockerfile")
    return wrong


def dockerfile(noun: str) -> Path:
    """Where a deployable's Dockerfile is."""
    server = _ROOT / "servers" / noun
    return (server if server.is_dir() else _ROOT / noun) / "Dockerfile"

"""Variables of containers, judged by the typed configuration of the process that will read them."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from gateway.config import GatewayConfig
from meshkit.config import Config, ConfigError, read_config
from orchestrator.config import MODELS, OrchestratorConfig
from scripts.manifests.objects import Object, Objects, Pod
from servers.checkbox.config import CheckboxConfig
from servers.classify.config import ClassifyConfig
from servers.deskew.config import DeskewConfig
from servers.ocr.config import OcrConfig
from servers.signature.config import SignatureConfig
from sidecar.config import SidecarConfig

CONFIGS: Mapping[str, type[Config]] = {
    "deskew": DeskewConfig,
    "classify": ClassifyConfig,
    "ocr": OcrConfig,
    "checkbox": CheckboxConfig,
    "signature": SignatureConfig,
    "orchestrator": OrchestratorConfig,
    "gateway": GatewayConfig,
    "sidecar": SidecarConfig,
}


def deployable(container: Object) -> str:
    """The noun in a container's image, `registry/pagemesh/NOUN:tag`; empty for others' images."""
    path = str(container["image"]).partition("@")[0].split("/")
    if len(path) < 2 or path[-2] != "pagemesh":
        return ""
    return path[-1].partition(":")[0].removesuffix("-cuda")


def environment(objects: Objects, container: Object) -> dict[str, str]:
    """A container's variables as its process will have them; what only a cluster knows is `1`."""
    made: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found = objects.find("ConfigMap", source.get("configMapRef", {}).get("name", ""))
        made.update(found["data"] if found else {})
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("configMapKeyRef")
        if reference:
            found = objects.find("ConfigMap", reference["name"])
            value = (found or {}).get("data", {}).get(reference["key"], "")
        else:
            value = variable.get("value", "1")
        made[variable["name"]] = value
    return made


def environments(objects: Objects) -> list[str]:
    """Every process of ours accepts its variables, and finds a volume where it expects files."""
    wrong = []
    for pod, container in objects.containers():
        noun = deployable(container)
        if not noun:
            continue
        if noun not in CONFIGS:
            wrong.append(f"{pod.title}: image of {noun!r}, which is no deployable")
            continue
        given = environment(objects, container)
        where = f"{pod.title} {container['name']}"
        try:
            read_config(CONFIGS[noun], given)
        except ConfigError as error:
            wrong += [f"{where}: {problem}" for problem in error.problems]
        wrong += [f"{where}: {line}" for line in _unmounted(container, given)]
        wrong += [f"{where}: {line}" for line in _unread(noun, given)]
    return wrong


def _unread(noun: str, given: Mapping[str, str]) -> Iterator[str]:
    """Variables of ours that no field of this process's configuration has."""
    prefix = str(CONFIGS[noun].model_config["env_prefix"])
    for name in given:
        if name.startswith("PAGEMESH_") and not name.startswith(prefix):
            yield f"{name} is not read by {noun}"


def _unmounted(container: Object, given: Mapping[str, str]) -> Iterator[str]:
    mounts = [PurePosixPath(mount["mountPath"]) for mount in container.get("volumeMounts", [])]
    for name, value in given.items():
        if name.startswith("PAGEMESH_") and value.startswith("/"):
            path = PurePosixPath(value)
            if not any(path.is_relative_to(mount) for mount in mounts):
                yield f"{name}={value} is on no volume"


def addresses(objects: Objects) -> list[str]:
    """Processes listen where others are told to call them."""
    wrong = []
    for pod in objects.pods:
        found = {deployable(container): container for container in pod.containers}
        given = {noun: environment(objects, made) for noun, made in found.items() if noun}
        if "sidecar" in given:
            wrong += [f"{pod.title}: {line}" for line in _sidecar_lines(pod, given)]
        if "orchestrator" in given:
            wrong += [f"{pod.title}: {line}" for line in _targets(objects, given["orchestrator"])]
        if "gateway" in given:
            wrong += [f"{pod.title}: {line}" for line in _gateway_lines(objects, given["gateway"])]
    return wrong


def _sidecar_lines(pod: Pod, given: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    (noun,) = given.keys() - {"sidecar"}
    sidecar = given["sidecar"]
    socket = given[noun].get(f"PAGEMESH_{noun.upper()}_UNIX_SOCKET", "")
    if sidecar.get("PAGEMESH_SIDECAR_UPSTREAM") != f"unix:{socket}":
        yield f"the sidecar calls {sidecar.get('PAGEMESH_SIDECAR_UPSTREAM')}, {noun} has {socket!r}"
    port = sidecar.get("PAGEMESH_SIDECAR_LISTEN", "").rpartition(":")[2]
    if str(pod.ports.get("grpc")) != port:
        yield f"the sidecar listens on {port}, the port grpc is {pod.ports.get('grpc')}"
    if str(pod.ports.get("metrics")) != sidecar.get("PAGEMESH_SIDECAR_METRICS_PORT"):
        yield "the sidecar's metrics are not on the port metrics"


def _targets(objects: Objects, given: Mapping[str, str]) -> Iterator[str]:
    for model in MODELS:
        target = given.get(f"PAGEMESH_ORCHESTRATOR_{model.upper()}_TARGET", "")
        if not _is_served(objects, target):
            yield f"the {model} model is to be at {target!r}, where no service is"


def _gateway_lines(objects: Objects, given: Mapping[str, str]) -> Iterator[str]:
    target = given.get("PAGEMESH_GATEWAY_ORCHESTRATOR_TARGET", "")
    if not _is_served(objects, target):
        yield f"the orchestrator is to be at {target!r}, where no service is"
    for name in ("STORE_URL", "CACHE_URL", "LIMITS_URL"):
        url = given.get(f"PAGEMESH_GATEWAY_{name}", "")
        if url and not _is_served(objects, f"dns:///{urlsplit(url).netloc}"):
            yield f"{name} is {url!r}, where no service is"


def _is_served(objects: Objects, target: str) -> bool:
    """Whether `dns:///host:port` is a service's."""
    host, _, port = urlsplit(target).path.removeprefix("/").rpartition(":")
    service = objects.find("Service", host)
    return service is not None and port in [str(p["port"]) for p in service["spec"]["ports"]]

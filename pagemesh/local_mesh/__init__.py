"""The whole mesh on this machine: five models, a sidecar beside each, orchestrator and gateway."""

from pagemesh.local_mesh.mesh import SPANS_FILE, LocalMesh, sidecar_of
from pagemesh.local_mesh.ports import DEFAULT_PORTS, GATEWAY, HOST, MODELS, ORCHESTRATOR
from pagemesh.local_mesh.service import Service, last_words

__all__ = [
    "DEFAULT_PORTS",
    "GATEWAY",
    "HOST",
    "MODELS",
    "ORCHESTRATOR",
    "SPANS_FILE",
    "LocalMesh",
    "Service",
    "last_words",
    "sidecar_of",
]

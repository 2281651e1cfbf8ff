"""How many circuits are open."""

from opentelemetry import metrics

from meshkit.telemetry import names as common
from meshkit.telemetry.vocabulary import up_down_counter
from orchestrator.telemetry import names

_circuits = up_down_counter(metrics.get_meter("orchestrator"), names.CIRCUITS)


def tell_circuit(model: str, *, is_open: bool) -> None:
    """A model's circuit opened or closed."""
    _circuits.add(1 if is_open else -1, {common.MODEL_NAME: model})

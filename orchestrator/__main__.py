"""Runs the orchestrator: `python -m orchestrator`."""

from meshkit.config import load_config
from meshkit.server import run_application
from orchestrator.config import OrchestratorConfig
from orchestrator.mesh import MeshOrchestrator


def main() -> None:
    config = load_config(OrchestratorConfig)
    run_application(MeshOrchestrator(config), config, name="orchestrator")


if __name__ == "__main__":
    main()

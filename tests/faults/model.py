"""`python -m tests.faults.model PORT`: fake models as a process that can be killed."""

import sys

from meshkit.config import ServerConfig
from meshkit.server import run_application
from orchestrator.testing import FakeMesh

if __name__ == "__main__":
    run_application(FakeMesh(), ServerConfig(port=int(sys.argv[1])), name="fake-model")

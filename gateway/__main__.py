"""`python -m gateway`."""

import gc

from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.server import server_of
from meshkit.config import load_config
from meshkit.cores import forbid_core_dumps
from meshkit.logs import configure_logging
from meshkit.telemetry.process import configure_telemetry

if __name__ == "__main__":
    config = load_config(GatewayConfig)
    forbid_core_dumps()
    configure_logging("gateway", config.log_level, file=config.log_file)
    telemetry = configure_telemetry("gateway")
    try:
        server = server_of(create_app(config), config)
        gc.collect()
        gc.freeze()  # what is there now stays: no collection needs to look at it again
        server.run()
    finally:
        telemetry.shutdown()

"""The life of a sidecar's process: listen, proxy, drain when told."""

import asyncio
import gc
import logging
import signal

import uvloop

from meshkit.cores import forbid_core_dumps
from meshkit.logs import configure_logging
from sidecar.config import SidecarConfig
from sidecar.proxy import Proxy
from sidecar.telemetry.pump import TelemetryPump

_log = logging.getLogger(__name__)

EXIT_FAILED = 1


async def serve(config: SidecarConfig) -> int:
    """Proxy until SIGTERM or SIGINT; a second signal ends the drain. Returns the exit code."""
    told, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if told.is_set() else told).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        proxy = Proxy(config)
        telemetry = TelemetryPump(proxy)
        address = await proxy.start()
    except OSError as error:
        _log.error("cannot start: %s", error)
        return EXIT_FAILED
    telemetry.start()
    port = int(address.rpartition(":")[2]) if not address.startswith("unix:") else 0
    _log.info(
        "listening",
        extra={"address": address, "port": port, "metrics_port": telemetry.metrics_port},
    )
    gc.freeze()  # what is there now stays: no collection needs to stop calls to look at it again
    await told.wait()
    _log.info("draining", extra={"drain_seconds": config.drain_seconds})
    draining = asyncio.create_task(proxy.drain())
    hurrying = asyncio.create_task(hurry.wait())
    await asyncio.wait([draining, hurrying], return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurrying):
        task.cancel()
    await asyncio.to_thread(telemetry.stop)
    _log.info("stopped")
    return 0


def run(config: SidecarConfig) -> None:
    """Run the process. Does not return."""
    forbid_core_dumps()
    configure_logging(f"{config.name}-sidecar", config.log_level)
    raise SystemExit(uvloop.run(serve(config)))

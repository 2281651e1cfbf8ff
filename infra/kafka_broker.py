"""Apache Kafka, broker and controller in one process (KRaft)."""

import base64
import subprocess
import uuid
from pathlib import Path

from infra.downloads import HERE, KAFKA_VERSION, ServiceError, java, kafka_libraries
from infra.service import HOST, Command, Identity, Service, free_port

# One broker keeps every internal topic once; few partitions keep the start short.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
"""


class KafkaBroker(Service):
    """The broker. Its data outlive `kill` and `stop`: `start` goes on with them."""

    name = "kafka"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._controller_port = free_port()

    def identity(self) -> Identity:
        return Identity("Apache Kafka", KAFKA_VERSION)

    @property
    def url(self) -> str:
        """The bootstrap server."""
        return f"{HOST}:{self.port}"

    def prepare(self) -> Command:
        data = self.folder / "data"
        properties = self.folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(
                host=HOST, port=self.port, controller_port=self._controller_port, data=data
            )
        )
        machine = [java(), "-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        machine += [f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.yaml'}"]
        machine += ["-cp", f"{kafka_libraries()}/*"]
        if not (data / "meta.properties").exists():
            self._format([*machine, "kafka.tools.StorageTool", "format"], properties)
        return Command([*machine, "kafka.Kafka", str(properties)], {})

    def _format(self, command: list[str], properties: Path) -> None:
        # Its tool takes an id that begins with a dash for another switch.
        cluster = "a" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        done = subprocess.run(
            [*command, "--cluster-id", cluster, "--config", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"Kafka's storage cannot be prepared: {done.stdout}{done.stderr}")

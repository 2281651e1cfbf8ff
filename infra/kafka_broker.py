"""Apache Kafka, broker and controller in one process (KRaft).

It listens twice: in the clear, and with TLS and SCRAM or OAUTHBEARER, with a certificate of its own
making. Of tokens it takes unsigned ones, as Kafka does unless it is told who signs.
"""

import base64
import subprocess
import uuid
from pathlib import Path

from infra.downloads import HERE, KAFKA_VERSION, ServiceError, java, kafka_libraries, program
from infra.service import HOST, Command, Identity, Service, free_port

# One broker keeps every internal topic once; few partitions keep the start short.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},SECURED://{host}:{secured_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},SECURED://{host}:{secured_port}
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.scram-sha-512.sasl.jaas.config={login} required;
listener.name.secured.oauthbearer.sasl.jaas.config={oauth};
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={keystore}
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
group.min.session.timeout.ms=1000
"""


_OAUTH = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
    'unsecuredLoginStringClaim_sub="broker"'
)


class KafkaBroker(Service):
    """The broker. Its data outlive `kill` and `stop`: `start` goes on with them."""

    name = "kafka"
    user = "pagemesh"
    password = "pagemesh-on-loopback"  # noqa: S105 - of a broker that listens on this machine only

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._controller_port = free_port()
        self._secured_port = free_port()

    @property
    def secured_url(self) -> str:
        """The bootstrap server for TLS with SCRAM-SHA-512 or OAUTHBEARER."""
        return f"{HOST}:{self._secured_port}"

    @property
    def certificate(self) -> Path:
        """What `secured_url` is checked against."""
        return self.folder / "certificate.pem"

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
                host=HOST,
                port=self.port,
                secured_port=self._secured_port,
                controller_port=self._controller_port,
                login="org.apache.kafka.common.security.scram.ScramLoginModule",
                oauth=_OAUTH,
                keystore=self._keystore(),
                data=data,
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
            [*command, "--cluster-id", cluster, "--config", str(properties), *self._scram()],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"Kafka's storage cannot be prepared: {done.stdout}{done.stderr}")

    def _scram(self) -> list[str]:
        return ["--add-scram", f"SCRAM-SHA-512=[name={self.user},password={self.password}]"]

    def _keystore(self) -> Path:
        """A key with a certificate that it signs itself, for 127.0.0.1."""
        keystore, key = self.folder / "keystore.pem", self.folder / "key.pem"
        if not keystore.exists():
            names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}"]
            files = ["-keyout", str(key), "-out", str(self.certificate)]
            openssl = program("openssl", "openssl")
            done = subprocess.run(
                [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *files],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise ServiceError(f"no certificate could be made: {done.stderr}")
            keystore.write_text(key.read_text() + self.certificate.read_text())
        return keystore

"""The services come up, do what they are for, and keep what they acknowledged when killed."""

import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from infra.downloads import ServiceError
from infra.kafka_broker import KafkaBroker
from infra.kafka_listener import listener
from infra.others import Mongo, Redis
from infra.service import HOST, Command, Identity, Service, free_port

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

# A document `{hello: 1, $db: "admin"}` as an OP_MSG of MongoDB's wire protocol.
_HELLO = (
    b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
)


def test_an_acknowledged_record_outlives_a_killed_broker(broker: KafkaBroker) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.url)
    admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=broker.url, acks="all")
    producer.send("kept", b"worth something").get(timeout=30)
    producer.close()
    broker.kill()
    broker.start()
    options = {"bootstrap_servers": broker.url, "consumer_timeout_ms": 30_000}
    consumer = listener(options, "kept")
    assert next(consumer).value == b"worth something"
    consumer.close()


def test_redis_answers(redis: Redis) -> None:
    with socket.create_connection((HOST, redis.port), timeout=60) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(64) == b"+PONG\r\n"


def test_a_server_of_mongodbs_protocol_answers(mongo: Mongo) -> None:
    document = struct.pack("<i", len(_HELLO) + 5) + _HELLO + b"\x00"
    message = struct.pack("<iiiii", 21 + len(document), 1, 0, 2013, 0) + b"\x00" + document
    with socket.create_connection((HOST, mongo.port), timeout=60) as connection:
        connection.sendall(message)
        assert b"isWritablePrimary" in connection.recv(4096)


def test_a_service_that_ends_at_once_says_why(tmp_path: Path) -> None:
    class Broken(Service):
        name = "broken"
        url = "nowhere"

        def identity(self) -> Identity:
            return Identity("Broken", "1")

        def prepare(self) -> Command:
            return Command([sys.executable, "-c", "raise SystemExit('no such luck')"], {})

    with pytest.raises(ServiceError, match="no such luck"):
        Broken(tmp_path, free_port()).start()


def test_the_command_says_what_does_not_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra", "status"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "kafka            does not run" in done.stdout

"""Consumers whose polls are shorter than a join takes stay in their group."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from pagemesh.kafka.joining import finish_joining
from tests.integration.kafka.conftest import Client

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

PATIENCE = 60.0


@pytest.fixture
def consumer(client: Client) -> Iterator[Any]:
    made = KafkaConsumer(
        client.topics.requests,
        **client.connection.options(),
        group_id=client.group,
        enable_auto_commit=False,
        session_timeout_ms=6_000,
    )
    with closing(made):
        yield made


def poll_until_assigned(consumer: Any, partitions: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(consumer.assignment()) != partitions or consumer._coordinator.rejoining:
        assert time.monotonic() < deadline, consumer.assignment()
        finish_joining(consumer)
        consumer.poll(timeout_ms=1)
        time.sleep(0.01)


def test_a_topic_that_grows_is_shared_out_again(client: Client, consumer: Any) -> None:
    poll_until_assigned(consumer, 4)
    with closing(KafkaAdminClient(**client.connection.options())) as admin:
        admin.create_partitions({client.topics.requests: 6})
    consumer._coordinator._cluster.request_update()  # it would look by itself in minutes
    poll_until_assigned(consumer, 6)
    before = consumer._coordinator._generation
    # Whoever is thrown out after this has to join anew.
    until = time.monotonic() + 8
    while time.monotonic() < until:
        finish_joining(consumer)
        consumer.poll(timeout_ms=1)
        time.sleep(0.05)
    assert consumer._coordinator._generation == before

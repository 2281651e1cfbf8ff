"""The topics, and how they are made."""

from dataclasses import dataclass

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from pagemesh.kafka.connection import Connection, unreachable

_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topics:
    """Names of the topics."""

    requests: str = "pagemesh.requests"
    results: str = "pagemesh.results"
    events: str = "pagemesh.events"
    control: str = "pagemesh.control"
    dead_letters: str = "pagemesh.dead-letters"


def create_topics(
    connection: Connection, topics: Topics, *, partitions: int, replication: int
) -> list[str]:
    """Make the topics that are not there; returns their names. Raises DependencyUnavailable.

    Commands are looked at once by every orchestrator, from the last day on, so that one that comes
    before its request is heard: their topic keeps them for a day.
    """
    kept = {topics.control: {"retention.ms": str(_DAY_MS)}}
    made = []
    try:
        admin = KafkaAdminClient(**connection.options())
    except KafkaError as error:
        raise unreachable(error) from error
    try:
        for name in vars(topics).values():
            topic = NewTopic(
                name,
                num_partitions=1 if name == topics.control else partitions,
                replication_factor=replication,
                topic_configs=kept.get(name, {}),
            )
            try:
                admin.create_topics([topic])
                made.append(name)
            except TopicAlreadyExistsError:
                pass
    except KafkaError as error:
        raise unreachable(error) from error
    finally:
        admin.close()
    return made

"""Spans, attributes and metrics of the Kafka door, after OpenTelemetry's messaging conventions."""

from opentelemetry.semconv._incubating.attributes.messaging_attributes import (
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_PARTITION_ID,
    MESSAGING_KAFKA_OFFSET,
    MESSAGING_MESSAGE_BODY_SIZE,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
)
from opentelemetry.semconv._incubating.metrics.messaging_metrics import (
    MESSAGING_CLIENT_CONSUMED_MESSAGES,
    MESSAGING_CLIENT_SENT_MESSAGES,
    MESSAGING_PROCESS_DURATION,
)

from meshkit.telemetry.names import ERROR
from meshkit.telemetry.vocabulary import SECONDS, Metric, Span, Vocabulary
from orchestrator.telemetry.names import REQUEST_ID

SYSTEM = MESSAGING_SYSTEM
OPERATION = MESSAGING_OPERATION_NAME
OPERATION_TYPE = MESSAGING_OPERATION_TYPE
TOPIC = MESSAGING_DESTINATION_NAME
PARTITION = MESSAGING_DESTINATION_PARTITION_ID
GROUP = MESSAGING_CONSUMER_GROUP_NAME
OFFSET = MESSAGING_KAFKA_OFFSET
BODY_SIZE = MESSAGING_MESSAGE_BODY_SIZE
BATCH_COUNT = MESSAGING_BATCH_MESSAGE_COUNT
STAGE = "pagemesh.kafka.stage"

ATTRIBUTES = {
    SYSTEM: "always `kafka`",
    OPERATION: "`poll`, `process`, `create`, `send`",
    OPERATION_TYPE: "`receive`, `process`, `create`, `send`",
    TOPIC: "the topic read from or written to",
    PARTITION: "the partition's number",
    GROUP: "the orchestrators' consumer group",
    OFFSET: "the record's place in its partition",
    BODY_SIZE: "bytes of the record's value",
    BATCH_COUNT: "records of the transaction",
    STAGE: "how far a request was: `decode`, `check`, `queue`, `fetch`, `read`, `store`",
}

_CLIENT = (SYSTEM, OPERATION, TOPIC)
_PLACE = (TOPIC, PARTITION, GROUP)

PROCESS_SPAN = Span(
    "process {messaging.destination.name}",
    "CONSUMER",
    "A request from Kafka, in the trace that its `traceparent` header names, with every attempt, "
    "until its answer is ready.",
    (*_CLIENT, OPERATION_TYPE, PARTITION, GROUP, OFFSET, BODY_SIZE, REQUEST_ID, ERROR),
)
CREATE_SPAN = Span(
    "create {messaging.destination.name}",
    "PRODUCER",
    "A result, a page event or a dead letter made; its `traceparent` header names this span.",
    (*_CLIENT, OPERATION_TYPE, BODY_SIZE),
)
SEND_SPAN = Span(
    "send",
    "CLIENT",
    "A transaction that writes answers and marks their requests as done. Links lead to the spans "
    "in which they were created.",
    (SYSTEM, OPERATION, OPERATION_TYPE, BATCH_COUNT, ERROR),
)

CONSUMED = Metric(
    MESSAGING_CLIENT_CONSUMED_MESSAGES,
    "counter",
    "{message}",
    "Requests taken from Kafka; one that is delivered again counts again.",
    (*_CLIENT, PARTITION, GROUP),
)
SENT = Metric(
    MESSAGING_CLIENT_SENT_MESSAGES,
    "counter",
    "{message}",
    "Results and dead letters whose transaction is committed, and page events sent.",
    _CLIENT,
)
PROCESS_DURATION = Metric(
    MESSAGING_PROCESS_DURATION,
    "histogram",
    "s",
    "A request, from when it was taken until its answer was ready.",
    (*_CLIENT, GROUP, ERROR),
    SECONDS,
)
ANSWER_DURATION = Metric(
    "pagemesh.kafka.answer.duration",
    "histogram",
    "s",
    "From a request's own timestamp until its answer was committed; by the answer's topic.",
    (TOPIC,),
    SECONDS,
)
LAG = Metric(
    "pagemesh.kafka.lag",
    "updowncounter",
    "{message}",
    "Records of a partition that are not done, those at work included; told by the orchestrator "
    "that has the partition.",
    _PLACE,
)
WAITING = Metric(
    "pagemesh.kafka.records.waiting",
    "updowncounter",
    "{message}",
    "Requests taken and not answered yet.",
    (TOPIC, GROUP),
)
PAUSED = Metric(
    "pagemesh.kafka.partitions.paused",
    "updowncounter",
    "{partition}",
    "Partitions from which nothing is taken now because too much waits.",
    (TOPIC, GROUP),
)
DOCUMENTS_ACTIVE = Metric(
    "pagemesh.kafka.documents.active",
    "updowncounter",
    "{document}",
    "Documents of Kafka that have their turn.",
)
RETRIES = Metric(
    "pagemesh.kafka.retries",
    "counter",
    "{attempt}",
    "Attempts at a request after its first.",
    (STAGE, ERROR),
)
DEAD_LETTERS = Metric(
    "pagemesh.kafka.dead_letters",
    "counter",
    "{message}",
    "Dead letters committed, by reason; `_OTHER` beyond 64 reasons.",
    (ERROR,),
)

VOCABULARY = Vocabulary(
    (PROCESS_SPAN, CREATE_SPAN, SEND_SPAN),
    (
        *(CONSUMED, SENT, PROCESS_DURATION, ANSWER_DURATION, LAG, WAITING, PAUSED),
        *(DOCUMENTS_ACTIVE, RETRIES, DEAD_LETTERS),
    ),
    ATTRIBUTES,
)

"""The asynchronous door: requests, results and what else travels over Kafka.

`schemas/` are the contracts; `codec` puts records into the Confluent wire format; `client` sends
requests and finds results. The orchestrator's side is `orchestrator.sources`.
"""

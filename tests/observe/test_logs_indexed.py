"""Log lines in a real OpenSearch, under the shipped index template.

Lines are those that the collector took from a mesh. They are sent on here as Fluentd's output
`elasticsearch` with `logstash_format` does: Fluentd itself cannot be had.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.downloads import ServiceError
from infra.observability import OpenSearch
from infra.service import free_port
from tests.observe.conftest import Observed, plain, until

TEMPLATE = (
    Path(__file__).parents[2] / "k8s" / "observability" / "elasticsearch" / "index-template.json"
)

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    made = OpenSearch(tmp_path_factory.mktemp("opensearch"), free_port())
    try:
        made.start()
    except ServiceError as error:
        pytest.skip(str(error))
    yield made
    made.stop()


def lines(observed: Observed) -> list[dict[str, Any]]:
    """The mesh's log lines, as the collector took them."""
    return [
        plain(record["attributes"])
        for message in observed.collector.received("logs")
        for resource in message["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
        if "time" in plain(record["attributes"])
    ]


def test_a_documents_lines_are_found_by_its_trace(
    observed: Observed, opensearch: OpenSearch
) -> None:
    def is_there() -> bool:
        return len([x for x in lines(observed) if x["message"] == "document ended"]) >= 3

    until(is_there)
    found = lines(observed)
    template = TEMPLATE.read_text()
    assert opensearch.ask("PUT", "/_index_template/pagemesh-logs", template)["acknowledged"]
    bulk = []
    for line in found:
        day = line["time"][:10].replace("-", ".")
        bulk.append(json.dumps({"create": {"_index": f"pagemesh-logs-{day}"}}))
        bulk.append(json.dumps({"@timestamp": line["time"], **line}))
    told = opensearch.ask("POST", "/_bulk", "\n".join(bulk) + "\n")
    assert told["errors"] is False, json.dumps(told)[:2000]
    opensearch.ask("POST", "/pagemesh-logs-*/_refresh")

    (ended,) = [
        line
        for line in found
        if line["message"] == "document ended" and line["request_id"] == "first"
    ]
    query = {
        "query": {
            "bool": {
                "filter": [
                    {"term": {"trace_id": ended["trace_id"]}},
                    {"term": {"level": "INFO"}},
                    {"range": {"@timestamp": {"gte": "now-1h"}}},
                ]
            }
        },
        "aggs": {"services": {"terms": {"field": "service"}}},
    }
    answer = opensearch.ask("POST", "/pagemesh-logs-*/_search", json.dumps(query))
    hits = [hit["_source"] for hit in answer["hits"]["hits"]]
    assert ended["request_id"] in {hit.get("request_id") for hit in hits}
    assert {hit["trace_id"] for hit in hits} == {ended["trace_id"]}
    assert {b["key"] for b in answer["aggregations"]["services"]["buckets"]} >= {"orchestrator"}

    mapping = opensearch.ask("GET", "/pagemesh-logs-*/_mapping")
    for index in mapping.values():
        fields = index["mappings"]["properties"]
        assert fields["trace_id"]["type"] == "keyword"
        assert fields["@timestamp"]["type"] == "date_nanos"

"""Records that release 0.1.0 sent over Kafka are read, and it could read those of now."""

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest
from google.protobuf.json_format import Parse

from pagemesh.kafka.codec import Codec
from pagemesh.kafka.contracts import CONTRACTS, current, versions
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from pagemesh.orchestrator.v1.document_pb2 import DOCUMENT_STATE_SUCCEEDED
from tests.compatibility import frames

OLD = Path(__file__).parent / "recorded/0.1.0/kafka"


@contextlib.contextmanager
def old_registry() -> Iterator[str]:
    """A registry that knows the schemas that were written by, under the ids that they had."""
    schemas = {int(path.name.split(".")[1]): path.read_text() for path in OLD.glob("*.avsc")}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = schemas[int(self.path.partition("?")[0].rpartition("/")[2])]
            body = json.dumps({"schema": text, "schemaType": "AVRO"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def read() -> dict[str, list[dict[str, Any]]]:
    """All records by their contract, decoded by the codec of now."""
    with old_registry() as url:
        codec = Codec(url)
        return {
            contract: [
                codec.decode(contract, value) for value in frames.read(OLD / f"{contract}.records")
            ]
            for contract in CONTRACTS
        }


def test_requests_and_commands_are_read(read: dict[str, list[dict[str, Any]]]) -> None:
    done, given_up = read["request"]
    assert (done["pipeline"], done["options"]) == ("forms", {})
    assert done["location"].startswith("file:///")
    assert given_up["options"] == {"nobody.knows": "this"}
    (command,) = read["control"]
    assert (command["request_id"], command["command"]) == (done["request_id"], "ERASE")


def test_results_are_read(read: dict[str, list[dict[str, Any]]]) -> None:
    result = read["result"][0]
    answer = Parse(result["content"], pb.GetDocumentResponse())
    assert answer.document.state == DOCUMENT_STATE_SUCCEEDED
    assert answer.document.request_id == result["request_id"] == read["request"][0]["request_id"]
    assert [page.page_number for page in answer.pages] == [1, 2]
    assert "Ann" in str(answer.pages[0])


def test_events_and_dead_letters_are_read(read: dict[str, list[dict[str, Any]]]) -> None:
    pages = sorted(event["page"]["page_number"] for event in read["event"])
    assert pages == [1, 2]
    (letter,) = read["dead_letter"]
    assert letter["request_id"] == read["request"][1]["request_id"]
    assert letter["error"]["reason"]
    assert letter["value"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_releases_before_read_what_is_written_now(
    contract: str, read: dict[str, list[dict[str, Any]]]
) -> None:
    """While one after the other is replaced, old processes read what new ones write."""
    for old in versions(contract):
        for record in read[contract]:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, fastavro.parse_schema(current(contract)), record)
            body.seek(0)
            understood: Any = fastavro.schemaless_reader(body, current(contract), old)
            assert understood["request_id"] == record["request_id"]
            assert understood.keys() == {field["name"] for field in old["fields"]}

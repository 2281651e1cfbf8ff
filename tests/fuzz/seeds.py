"""Small inputs that readers understand, made here: mutations begin from them."""

import io
import json
import struct
from pathlib import Path

import fastavro
from PIL import Image

from orchestrator.config import SHIPPED_PIPELINES
from pagemesh.common.v1.page_pb2 import PIXEL_FORMAT_GRAY8, Page
from pagemesh.kafka.contracts import CONTRACTS, versions
from pagemesh.orchestrator.v1.orchestrator_service_pb2 import DocumentSpec, SubmitDocumentRequest
from tests.unit.orchestrator.documents import made

_ROOT = Path(__file__).parents[2]
_RECORDS = {
    "request": {
        "request_id": "a",
        "location": "s3://forms/a.pdf",
        "pages": "1-3",
        "options": {"ocr.tier": "fast"},
        "deadline": 1_900_000_000_000,
    },
    "control": {"request_id": "a", "command": "CANCEL"},
}


def images() -> list[bytes]:
    """A small picture in every format, a TIFF of three pages among them."""
    picture, grey = made.photo(24, 16), Image.new("L", (24, 16), 99)
    return [
        made.encoded(picture, "PNG"),
        made.encoded(picture, "JPEG"),
        made.encoded(picture, "WEBP"),
        made.tiff(picture, grey, grey.convert("1")),
        made.tiff(grey, compression="tiff_lzw"),
        made.encoded(grey, "PNG", dpi=(204, 98)),
    ]


def documents() -> list[bytes]:
    """Pictures and PDFs."""
    return [*images(), made.pdf_around(made.stream(b"0 0 1 rg 0 0 9 9 re f"))]


def answers() -> list[bytes]:
    """What workers say."""
    said = [
        {"pages": 3, "cage": {"files": True}},
        {"width": 9, "height": 9, "dpi": 72.5, "is_grey": False},
        {"fault": {"kind": "page", "reason": "R", "message": "m", "metadata": {}}},
    ]
    return [json.dumps(each).encode() for each in said] + [b"[" * 50_000]


def requests() -> list[bytes]:
    """Requests of the gRPC door."""
    spec = DocumentSpec(
        request_id="a",
        location="https://forms.example/a.pdf",
        pipeline="text",
        pages="1-3,7",
        dpi=300,
        options={"ocr.tier": "fast"},
        sha256="0" * 64,
    )
    spec.timeout.seconds = 9
    by_location = SubmitDocumentRequest(spec=spec)
    by_content = SubmitDocumentRequest(spec=DocumentSpec(filename="a.pdf"), content=b"%PDF-1.7")
    return [by_location.SerializeToString(), by_content.SerializeToString()]


def pages() -> list[bytes]:
    """Pages in every form."""
    raw = Page(page_id="a/1", dpi=300)
    raw.raw.width, raw.raw.height, raw.raw.format = 4, 3, PIXEL_FORMAT_GRAY8
    raw.raw.data = bytes(12)
    raw.upright_transform.matrix.extend([1, 0, 0, 0, 1, 0, 0, 0, 1])
    raw.upright_transform.width, raw.upright_transform.height = 4, 3
    encoded = Page(page_id="a/2")
    encoded.encoded.data = images()[0]
    referred = Page(page_id="a/3")
    referred.reference.uri = "file:///nowhere/page"
    return [page.SerializeToString() for page in (raw, encoded, referred)]


def records() -> list[bytes]:
    """A record of each contract that clients write, behind a byte that chooses the contract."""
    made_of = []
    numbers = {
        id(schema): number
        for number, schema in enumerate(s for c in CONTRACTS for s in versions(c))
    }
    for contract, record in _RECORDS.items():
        for schema in versions(contract):
            body = io.BytesIO()
            fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
            head = struct.pack(">BbI", CONTRACTS.index(contract), 0, numbers[id(schema)])
            made_of.append(head + body.getvalue())
    return made_of


def pipelines() -> list[bytes]:
    """The shipped definitions."""
    return [path.read_bytes() for path in sorted(SHIPPED_PIPELINES.glob("*.yaml"))]


def forms() -> list[bytes]:
    """The smallest shipped definition, and one with a choice."""
    shipped = _ROOT / "orchestrator/forms/shipped/irs_f15080_2021/definition.yaml"
    choice = (
        b'name: a_form\nversion: "1.0.0"\nfields:\n  - name: status\n    type: choice\n'
        b"    options:\n      - {value: single, zone: [1, 1, 8, 8]}\n"
    )
    return [shipped.read_bytes(), choice]


def uploads(boundary: bytes) -> list[bytes]:
    """A form with a file, one with a location, and JSON; the first byte says which kind it is."""
    head = b"\x01--" + boundary + b"\r\nContent-Disposition: form-data; name="
    end = b"\r\n--" + boundary + b"--\r\n"
    between = b"\r\n--" + boundary + b"\r\nContent-Disposition: form-data; name="
    options = between + b'"options"\r\n\r\n{"ocr.tier": "fast"}'
    return [
        head + b'"file"; filename="a.pdf"\r\n\r\n%PDF-1.7' + options + end,
        head + b'"location"\r\n\r\ns3://forms/a.pdf' + options + end,
        b'\x00{"location": "s3://forms/a.pdf", "pages": "1-3", "timeout": 9.5}',
    ]

"""`multipart/form-data` as it comes in: the file to the disk, fields to memory, both limited."""

from collections.abc import AsyncIterator, Callable
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.problems import HttpProblem
from gateway.uploads.spool import Incoming
from meshkit.errors import InvalidInput, TooLarge

FILE = "file"
_MOST_FIELDS = 32
_LONGEST_HEADER = 8 * 1024


class _Part:
    """A part of the form: its headers, then its bytes."""

    def __init__(self) -> None:
        self.headers = Message()
        self.name = ""
        self.filename = ""

    def read_headers(self) -> None:
        _, options = parse_options_header(self.headers.get("content-disposition", ""))
        self.name = options.get(b"name", b"").decode("utf-8", "replace")
        self.filename = options.get(b"filename", b"").decode("utf-8", "replace")


class _Events:
    """What the parser finds, in order, for whoever may wait while bytes are written."""

    def __init__(self) -> None:
        self.part = _Part()
        self.found: list[tuple[_Part, bytes]] = []
        self._name = b""
        self._value = b""
        self.is_whole = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self.part = _Part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._check_length()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_length()

    def _header_end(self) -> None:
        self.part.headers[self._name.decode("latin-1")] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        self.part.read_headers()
        self.found.append((self.part, b""))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.found.append((self.part, data[start:end]))

    def _end(self) -> None:
        self.is_whole = True

    def _check_length(self) -> None:
        if len(self._name) + len(self._value) > _LONGEST_HEADER:
            raise FormParserError("a part's header is too long")


async def read_form(
    stream: AsyncIterator[bytes], boundary: bytes, incoming: Incoming, max_field_bytes: int
) -> tuple[dict[str, str], bool]:
    """The form's fields, and whether it had a file, which is in `incoming` then.

    Args:
        stream: the request's body.
        boundary: of its content type.
        incoming: takes the bytes of the part `file`.
        max_field_bytes: of all other parts together.

    Raises:
        HttpProblem: 400, the body is no such form.
        InvalidInput: a field is there twice, or is no text.
        TooLarge: file or fields are too long.
        DependencyUnavailable: the file cannot be stored.
    """
    events = _Events()
    fields = _Fields(incoming, max_field_bytes)
    try:
        parser = MultipartParser(boundary, events.callbacks())  # type: ignore[arg-type]
        async for chunk in stream:
            if chunk:
                parser.write(chunk)
            for part, data in events.found:
                await fields.take(part, data)
            events.found.clear()
        parser.finalize()
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not events.is_whole:
        raise _malformed("it ends before its last part")
    return fields.texts(), fields.has_file


class _Fields:
    def __init__(self, incoming: Incoming, max_bytes: int) -> None:
        self._incoming = incoming
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: dict[str, bytearray] = {}
        self._parts: dict[str, _Part] = {}
        self.has_file = False

    async def take(self, part: _Part, data: bytes) -> None:
        if self._parts.setdefault(part.name, part) is not part:
            raise InvalidInput(f"{part.name}: is there twice", metadata={"field": part.name[:100]})
        if part.name == FILE:
            self.has_file = True
            self._incoming.filename = part.filename
            await self._incoming.write(data)
            return
        self._bytes += len(data)
        if self._bytes > self._max_bytes or len(self._parts) > _MOST_FIELDS:
            raise TooLarge(
                f"the form's fields are longer than {self._max_bytes} bytes, or more than "
                f"{_MOST_FIELDS}",
                reason="BODY_TOO_LARGE",
                metadata={"limit_bytes": str(self._max_bytes)},
            )
        self._values.setdefault(part.name, bytearray()).extend(data)

    def texts(self) -> dict[str, str]:
        try:
            return {name: value.decode() for name, value in self._values.items()}
        except UnicodeDecodeError as error:
            raise InvalidInput("a field of the form is no UTF-8 text") from error


def _malformed(problem: str) -> HttpProblem:
    return HttpProblem(400, "MALFORMED_FORM", f"the body is no multipart form: {problem}")

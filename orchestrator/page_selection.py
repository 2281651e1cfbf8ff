"""Which pages a client asks for: `1-3,7`."""

import re

from meshkit.errors import InvalidInput

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})?)?")
_LONGEST = 1000


class PageSelection:
    """A parsed choice of pages. Empty text chooses all; `3-` chooses from page 3 to the last.

    Raises InvalidInput for text that is no such choice.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._ranges: list[tuple[int, int | None]] = []
        if len(self.text) > _LONGEST:
            raise _bad(f"more than {_LONGEST} characters")
        if self.text:
            self._ranges = [_parse(part.strip()) for part in self.text.split(",")]

    def numbers(self, page_count: int) -> list[int]:
        """The chosen pages of a document with this many, sorted, each once.

        Raises InvalidInput when the document lacks a page that was asked for by number.
        """
        if not self._ranges:
            return list(range(1, page_count + 1))
        chosen: set[int] = set()
        for first, last in self._ranges:
            wanted = last if last is not None else max(first, page_count)
            if wanted > page_count:
                raise InvalidInput(
                    f"pages: `{self.text}` asks for page {wanted}; the document has {page_count}",
                    reason="NO_SUCH_PAGE",
                    metadata={"field": "pages", "page_count": str(page_count)},
                )
            chosen.update(range(first, wanted + 1))
        return sorted(chosen)


def _parse(part: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(part)
    if not match:
        raise _bad(f"`{part}` is neither a page nor a range")
    first = int(match[1])
    is_open = part.endswith("-")
    last = int(match[2]) if match[2] else (None if is_open else first)
    if first < 1 or (last is not None and last < first):
        raise _bad(f"`{part}`: pages count from 1, and a range goes upwards")
    return first, last


def _bad(problem: str) -> InvalidInput:
    return InvalidInput(
        f"pages: {problem}; write for example `1-3,7` or `5-`", metadata={"field": "pages"}
    )

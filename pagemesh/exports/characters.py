"""Characters that text found on a page may hold and a format may not."""

import re
from xml.sax.saxutils import escape, quoteattr

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

NOT_PRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters but for tab and line feed, halves of surrogate pairs, and what XML forbids."""


def printable(text: str) -> str:
    """The text with every control character shown as U+FFFD; nothing is taken away silently."""
    return NOT_PRINTABLE.sub(REPLACEMENT, text)


def xml_text(text: str) -> str:
    """The text as the content of an XML element."""
    return escape(printable(text))


def xml_attribute(value: object) -> str:
    """The value as a quoted XML attribute."""
    return quoteattr(printable(str(value)))

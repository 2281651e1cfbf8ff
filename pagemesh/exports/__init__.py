"""Finished results in the formats that other programs and people read.

Every writer takes an `Analysis` and a binary file, and writes page after page, so that memory does
not grow with the document where the format allows it. No page is ever left out: one that failed or
was skipped is there, marked with its reason.

| name | what | geometry |
| --- | --- | --- |
| json | canonical Protobuf JSON of document and pages | page as sent |
| text | plain text, pages separated by form feeds | none |
| markdown | a report for people | none |
| hocr | hOCR 1.2 as XHTML | upright page |
| alto | ALTO 4.3 XML | upright page |
| pdf | page images under invisible, searchable text | upright page |
| overlay | the page image with everything found drawn on it, as PNG | page as sent |
"""

from pagemesh.exports.formats import FORMATS, Format
from pagemesh.exports.jsonform import json_value
from pagemesh.exports.overlay import overlay_png
from pagemesh.exports.result import Analysis, ImageOf

__all__ = ["FORMATS", "Analysis", "Format", "ImageOf", "json_value", "overlay_png"]

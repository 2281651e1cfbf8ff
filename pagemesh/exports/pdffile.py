"""A PDF file written object by object, so that no page waits in memory for the next one.

The libraries that we know and may ship keep every page until the end, and none has a font for
unseen text in any script.

Source of the format: ISO 32000-1 (PDF 1.7), sections 7.3 (objects), 7.5 (file structure) and 9.7
(composite fonts).
"""

import struct
import zlib
from typing import BinaryIO

GLYPH_WIDTH = 500
"""Width of every character of the invisible font, in thousandths of the font's size."""

TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
1 beginbfrange
<0000> <FFFF> <0000>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class PdfFile:
    """Appends objects to an open binary file and ends it with their table.

    The file need not be seekable. An object's number is reserved before or as it is written.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._length = 0
        self._offsets: list[int] = []
        self._append(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def reserve(self) -> int:
        """A number for an object that is written later."""
        self._offsets.append(0)
        return len(self._offsets)

    def add(self, body: str, number: int | None = None) -> int:
        """Write an object; its number."""
        return self._add(body.encode("ascii"), number)

    def add_stream(self, entries: str, data: bytes, *, deflate: bool = False) -> int:
        """Write a stream with the given dictionary entries; its number."""
        if deflate:
            data, entries = zlib.compress(data), f"{entries} /Filter /FlateDecode"
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode("ascii")
        return self._add(head + data + b"\nendstream", None)

    def close(self, root: int, info: int) -> None:
        """Write the table of objects. `root` and `info` are the catalogue's and the title's."""
        start = self._length
        entries = [f"{offset:010d} 00000 n \n" for offset in self._offsets]
        size = len(entries) + 1
        self._append(f"xref\n0 {size}\n0000000000 65535 f \n{''.join(entries)}".encode("ascii"))
        trailer = f"<< /Size {size} /Root {root} 0 R /Info {info} 0 R >>"
        self._append(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode("ascii"))

    def _add(self, body: bytes, number: int | None) -> int:
        number = number or self.reserve()
        self._offsets[number - 1] = self._length
        self._append(b"%d 0 obj\n" % number + body + b"\nendobj\n")
        return number

    def _append(self, data: bytes) -> None:
        self._out.write(data)
        self._length += len(data)


def text_string(text: str) -> str:
    """A text string object, for a title or a note."""
    return f"<feff{text.encode('utf-16-be', 'replace').hex()}>"


def add_invisible_font(pdf: PdfFile) -> int:
    """A font for text that is searched and copied but not seen: any Unicode text, empty glyphs.

    Its codes are UTF-16 code units. Every character is `GLYPH_WIDTH` wide, reaches from the base
    line one font size up, and nothing below.
    """
    font_file = _empty_glyph_font()
    file = pdf.add_stream(f"/Length1 {len(font_file)}", font_file, deflate=True)
    descriptor = pdf.add(
        "<< /Type /FontDescriptor /FontName /Invisible /Flags 5 /ItalicAngle 0 /StemV 80 "
        f"/Ascent 1000 /Descent -1 /CapHeight 1000 /FontBBox [0 0 {GLYPH_WIDTH} 1000] "
        f"/FontFile2 {file} 0 R >>"
    )
    glyph_of_code = pdf.add_stream("", bytes(2 * 65536), deflate=True)
    descendant = pdf.add(
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Invisible "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        f"/FontDescriptor {descriptor} 0 R /DW {GLYPH_WIDTH} /CIDToGIDMap {glyph_of_code} 0 R >>"
    )
    unicode_of_code = pdf.add_stream("", TO_UNICODE, deflate=True)
    return pdf.add(
        "<< /Type /Font /Subtype /Type0 /BaseFont /Invisible /Encoding /Identity-H "
        f"/DescendantFonts [{descendant} 0 R] /ToUnicode {unicode_of_code} 0 R >>"
    )


def _empty_glyph_font() -> bytes:
    """A TrueType file with one glyph that has no outline, as an embedded font must be a file.

    Source: OpenType 1.9, tables head, hhea, maxp, hmtx, loca, glyf; 1000 units an em.
    """
    tables = {
        b"glyf": bytes(4),
        b"head": struct.pack(
            ">IIIIHHQQ4hHHhhh",
            *(0x00010000, 0x00010000, 0, 0x5F0F3CF5, 0, 1000, 0, 0),
            *(0, 0, GLYPH_WIDTH, 1000, 0, 8, 2, 0, 0),
        ),
        b"hhea": struct.pack(">I3hH11hH", 0x00010000, 1000, 0, 0, GLYPH_WIDTH, *[0] * 11, 1),
        b"hmtx": struct.pack(">Hh", GLYPH_WIDTH, 0),
        b"loca": struct.pack(">HH", 0, 0),
        b"maxp": struct.pack(">IH13H", 0x00010000, 1, *[0] * 13),
    }
    head = struct.pack(">IHHHH", 0x00010000, len(tables), 64, 2, 32)
    directory, body = b"", b""
    start = len(head) + 16 * len(tables)
    for tag, data in tables.items():
        padded = data + bytes(-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += tag + struct.pack(">III", checksum, start + len(body), len(data))
        body += padded
    return head + directory + body

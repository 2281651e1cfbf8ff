import struct
from pathlib import Path

from orchestrator.documents.tiff import Chain, chain

ENTRY = struct.pack("<HHIHH", 256, 3, 1, 8, 0)


def classic(*directories: tuple[int, int], first: int = 8) -> bytes:
    """A TIFF with directories of one entry at the given places, each leading to the next place."""
    content = bytearray(struct.pack("<2sHI", b"II", 42, first))
    for place, following in directories:
        content += bytes(place - len(content))
        content += struct.pack("<H", 1) + ENTRY + struct.pack("<I", following)
    return bytes(content)


def of(path: Path, content: bytes, limit: int = 10) -> Chain:
    path.write_bytes(content)
    return chain(path, limit)


def test_directories_are_followed_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    assert of(path, classic((8, 0))) == Chain(1, is_broken=False)
    assert of(path, classic((8, 40), (40, 80), (80, 0))) == Chain(3, is_broken=False)


def test_a_loop_ends_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    assert of(path, classic((8, 8))) == Chain(1, is_broken=False)
    assert of(path, classic((8, 40), (40, 8))) == Chain(2, is_broken=False)


def test_a_chain_that_leads_beyond_the_file_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    assert of(path, classic((8, 40_000))) == Chain(2, is_broken=True)
    assert of(path, classic((8, 40), (40, 80), (80, 0))[:85]) == Chain(3, is_broken=True)
    assert of(path, classic(first=400)) == Chain(1, is_broken=True)
    assert of(path, b"II*\0") == Chain(1, is_broken=True)
    assert of(path, classic(first=0)) == Chain(1, is_broken=True)


def test_counting_stops_beyond_the_limit(tmp_path: Path) -> None:
    places = [8 + 40 * number for number in range(30)]
    content = classic(*zip(places, [*places[1:], 0], strict=True))
    assert of(tmp_path / "a.tiff", content, limit=10).count == 11


def test_big_tiff(tmp_path: Path) -> None:
    content = struct.pack(">2sHHHQ", b"MM", 43, 8, 0, 16)
    content += struct.pack(">Q", 1) + bytes(20) + struct.pack(">Q", 0)
    assert of(tmp_path / "a.tiff", content) == Chain(1, is_broken=False)

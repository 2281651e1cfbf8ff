"""The fonts that pages are composed with, found among the files of Debian's font packages.

Only their drawings end up in composed pages; no font file is shipped. All of them are free to use
for that (OFL, Apache-2.0, GPL with font exception, Bitstream Vera).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

PACKAGES = (
    "fonts-liberation fonts-crosextra-carlito fonts-crosextra-caladea fonts-dejavu-core fonts-lato "
    "fonts-open-sans fonts-roboto-unhinted fonts-cmu fonts-freefont-ttf fonts-vollkorn "
    "fonts-urw-base35 fonts-comic-neue fonts-breip fonts-bwht fonts-dancingscript "
    "fonts-dkg-handwriting fonts-ecolier-court fonts-femkeklaver fonts-kaushanscript fonts-klee "
    "fonts-kristi fonts-rufscript fonts-sjfonts fonts-havana fonts-joscelyn fonts-leckerli-one "
    "fonts-lobster"
)

PRINTED = [
    "LiberationSans-Regular",
    "LiberationSans-Bold",
    "LiberationSerif-Regular",
    "LiberationSerif-Bold",
    "LiberationMono-Regular",
    "LiberationSansNarrow-Regular",
    "Carlito-Regular",
    "Carlito-Bold",
    "Caladea-Regular",
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono",
    "Lato-Regular",
    "Lato-Bold",
    "OpenSans-Regular",
    "Roboto-Regular",
    "RobotoCondensed-Regular",
    "cmunrm",
    "cmunss",
    "FreeSerif",
    "FreeMono",
    "Vollkorn-Regular",
    "URWBookman-Light",
    "URWGothic-Book",
    "C059-Roman",
    "NimbusSans-Regular",
    "NimbusMonoPS-Regular",
    "P052-Roman",
]

HANDWRITTEN = [
    "Kristi",
    "dkg",
    "dkgIt",
    "Breip",
    "breipfont",
    "SteveHand",
    "Delphine",
    "Rufscript010",
    "femkeklaver",
    "KleeOne-Regular",
    "BecauseWeBuild-Regular",
    "BecauseWeLearn-Regular",
    "BecauseWeOrganize-Regular",
    "BecauseWeMentor-Regular",
    "BecauseWeConnect-Regular",
    "Ecolier-court",
    "ComicNeue-Light",
]

FLOWING = [
    "Kristi",
    "dkg",
    "dkgIt",
    "DancingScript-Regular",
    "KaushanScript-Regular",
    "SteveHand",
    "Delphine",
    "Z003-MediumItalic",
]


SCRIPT = [
    "Havana-Regular",
    "Joscelyn-Regular",
    "LeckerliOne-Regular",
    "lobster",
    "KaushanScript-Regular",
    "DancingScript-Bold",
    "Z003-MediumItalic",
]


@dataclass(frozen=True, slots=True)
class Faces:
    """Paths of the fonts found, by use.

    Attributes:
        printed: upright text faces.
        handwritten: faces that imitate block or cursive handwriting.
        flowing: faces whose names look signed.
        script: flowing faces that firms and certificates are lettered in.
    """

    printed: tuple[Path, ...]
    handwritten: tuple[Path, ...]
    flowing: tuple[Path, ...]
    script: tuple[Path, ...]


def find_faces(folders: Sequence[Path]) -> Faces:
    """Fonts under `folders`. Exits with the packages to install when too few are there."""
    found = {
        path.stem: path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in {".ttf", ".otf"}
    }

    def pick(names: Sequence[str]) -> tuple[Path, ...]:
        return tuple(found[name] for name in names if name in found)

    faces = Faces(pick(PRINTED), pick(HANDWRITTEN), pick(FLOWING), pick(SCRIPT))
    if (
        len(faces.printed) < 8
        or len(faces.handwritten) < 4
        or min(len(faces.flowing), len(faces.script)) < 3
    ):
        raise SystemExit(f"Too few fonts under {list(folders)}: apt-get install {PACKAGES}")
    return faces


@lru_cache(maxsize=512)
def open_face(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels an em, kept open."""
    return ImageFont.truetype(path, size)

"""From every kind of Pillow image to grey or BGR samples on white paper."""

import numpy as np
from PIL import Image

from orchestrator.documents.pages import Samples

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0

_BAND_ROWS = 256
_GREY_MODES = ("1", "L")
_DEEP_MODES = ("I", "F")


def is_grey_mode(image: Image.Image) -> bool:
    """Whether the image's mode has no colour; an image of a colour mode may still be grey."""
    return image.mode in (*_GREY_MODES, "LA") or is_deep(image)


def is_deep(image: Image.Image) -> bool:
    """Whether it is grey with more than 8 bits a pixel."""
    return image.mode in _DEEP_MODES or image.mode.startswith("I;")


def to_samples(image: Image.Image) -> Samples:
    """Samples of a decoded image. Alpha is laid over white; deep grey is scaled to 8 bits.

    Works through bands of rows, so that at most one further copy of the page is in memory.

    Returns:
        (height, width) for modes without colour, else (height, width, 3) BGR.
    Raises:
        ValueError: Pillow cannot convert this mode to RGB.
    """
    width, height = image.size
    grey = is_grey_mode(image)
    if is_deep(image):
        return _deep(image)
    samples = np.empty((height, width) if grey else (height, width, 3), np.uint8)
    convert = _grey if grey else _bgr
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        samples[top:bottom] = convert(image.crop((0, top, width, bottom)))
    return samples


def _grey(band: Image.Image) -> Samples:
    return np.asarray(_on_white(band, "L"))


def _bgr(band: Image.Image) -> Samples:
    return np.asarray(_on_white(band, "RGB"))[:, :, ::-1]


def _on_white(band: Image.Image, mode: str) -> Image.Image:
    if not band.has_transparency_data:
        return band.convert(mode)
    clear = band.convert("RGBA")
    paper = Image.new("RGB", band.size, (255, 255, 255))
    paper.paste(clear, mask=clear.getchannel("A"))
    return paper.convert(mode)


def _deep(image: Image.Image) -> Samples:
    """Integers are scaled by the bits a sample that the file states (16 otherwise, 8 where nothing
    exceeds 255); floats are taken as 0..1, or as 0..255, or stretched from least to most."""
    values = np.asarray(image)
    low, high = _range(image, float(np.nanmin(values)), float(np.nanmax(values)))
    scale = 255.0 / (high - low) if high > low else 0.0
    samples = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _BAND_ROWS):
        band = (values[top : top + _BAND_ROWS].astype(np.float64) - low) * scale
        samples[top : top + _BAND_ROWS] = np.nan_to_num(band).clip(0, 255).round()
    if _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        np.subtract(255, samples, out=samples)
    return samples


def _range(image: Image.Image, least: float, most: float) -> tuple[float, float]:
    """The values that stand for black and white."""
    if image.mode != "F":
        return 0.0, float(2 ** _bits(image, most) - 1)
    if least < 0 or most > 255:
        return least, most
    return (0.0, 1.0) if most <= 1 else (0.0, 255.0)


def _bits(image: Image.Image, most: float) -> int:
    if most < 256 and image.mode == "I":
        return 8
    stated = _tag(image, _BITS_PER_SAMPLE)
    if isinstance(stated, tuple) and stated:
        stated = stated[0]
    if isinstance(stated, int) and 8 < stated <= 32 and most < 2**stated:
        return stated
    return 16 if most < 2**16 else 32


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", None)
    return None if tags is None else tags.get(number)

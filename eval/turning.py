"""Pages turned by known angles."""

import cv2
import numpy as np

from meshkit.geometry import Transform
from meshkit.model import Image
from servers.deskew.upright import upright_transform


def turned(image: Image, degrees: float) -> Image:
    """The page turned clockwise about its centre, on white; nothing is lost."""
    height, width = image.shape[:2]
    quarters = round(-degrees / 90)
    back: Transform = upright_transform(width, height, quarters % 4, -degrees - 90 * quarters)
    warped = cv2.warpPerspective(
        image,
        back.matrix,
        (back.width, back.height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
    return np.asarray(warped, np.uint8)

"""Whole pages composed of blocks."""

from collections.abc import Mapping

import numpy as np
from faker import Faker

from training.detectors.blocks import (
    Block,
    bullet_list,
    comb_row,
    field_grid,
    heading,
    lookalike_row,
    number_table,
    paragraph,
    sideways_text,
    solid_shapes,
)
from training.detectors.faces import Faces
from training.detectors.office_blocks import barcode, handwritten_note, logo, stamp
from training.detectors.sheet import LabelledPage, Sheet
from training.detectors.strokes import Random

LONG_SIDE_PX = 2000
TEXT_BLOCKS: Mapping[Block, float] = {
    heading: 1.6,
    paragraph: 2.0,
    bullet_list: 0.8,
    sideways_text: 0.5,
    solid_shapes: 0.25,
    lookalike_row: 0.5,
    number_table: 0.8,
    field_grid: 1.3,
    comb_row: 0.7,
    barcode: 0.25,
    logo: 0.3,
    stamp: 0.25,
    handwritten_note: 0.7,
}


def compose(
    seed: int, faces: Faces, blocks: Mapping[Block, float], long_side: int = LONG_SIDE_PX
) -> LabelledPage:
    """A page filled from top to bottom with blocks drawn by weight, reproduced by its seed."""
    rng: Random = np.random.default_rng(seed)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    width = round(long_side * float(rng.choice([210 / 297, 8.5 / 11])))
    page = LabelledPage(np.full((long_side, width), 255, np.uint8))
    sheet = Sheet(rng, faces, faker, page)
    kinds = list(blocks)
    weights = np.array([blocks[kind] for kind in kinds]) * rng.uniform(0.1, 1.0, len(kinds))
    y = sheet.between(6, 25) * sheet.mm
    while y < long_side - 25 * sheet.mm:
        y = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))](sheet, y)
        y += sheet.between(0, 4) * sheet.mm
    page.boxes = [box for box in page.boxes if box.rect[1] + box.rect[3] < long_side]
    return page

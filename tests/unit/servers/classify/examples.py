"""Labelled page vectors of three kinds, made without any page."""

import numpy as np

from servers.classify.examples import Examples, examples_of
from servers.classify.page_vector import LAYOUT, PageVector, page_vector

WORDS = {
    "invoice": ["invoice number", "subtotal", "amount due", "bill to"],
    "letter": ["dear sir", "we are pleased to write", "yours truly", "sincerely"],
    "tax_form/f1": ["income tax return form one", "taxable income", "spouse", "refund"],
    "tax_form/f2": ["income tax credit form two", "dependents", "spouse", "credit"],
}


def vector(leaf: str, seed: int, *, text: bool = True) -> PageVector:
    """A page of this kind."""
    rng = np.random.default_rng(seed)
    layout = rng.normal(0, 0.3, LAYOUT).astype(np.float32)
    if leaf in WORDS:
        layout[list(WORDS).index(leaf) :: len(WORDS)] += 0.4
    lines = [str(line) for line in rng.permutation(WORDS.get(leaf, ["zebra quagga okapi"]))[:3]]
    return page_vector(layout, [*lines, f"page {seed}"] if text else [])


def examples(pages: int = 12, leaves: tuple[str, ...] = tuple(WORDS)) -> Examples:
    """So many pages of each kind, each a file of its own."""
    rows = [(leaf, seed) for leaf in leaves for seed in range(pages)]
    vectors = [vector(leaf, seed + 100 * leaves.index(leaf)) for leaf, seed in rows]
    files = tuple(f"{leaf} {seed}" for leaf, seed in rows)
    return examples_of([leaf for leaf, _ in rows], files, vectors)

"""What a model author writes: `load`, `predict`, `close`."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from meshkit.errors import PagemeshError

Image = NDArray[np.uint8]
"""(height, width) grey or (height, width, 3) BGR, uint8, 255 = paper white."""

OptionsT = TypeVar("OptionsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class PageInput(Generic[OptionsT]):
    """One page as a model sees it.

    Attributes:
        image: the pixels. When the request carried an upright transform they are already
            upright; geometry a model returns is in the pixels of this image, and the runtime
            maps it back to the page as the client sent it.
        dpi: resolution of `image` in dots per inch; None when unknown.
        options: what the request asked for, as the server's own frozen dataclass.
    """

    image: Image
    dpi: float | None
    options: OptionsT


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered.

    Attributes:
        name: `ocr`, `deskew`, ... (the server's one noun).
        version: semantic version of the model, not of the server's code.
        digest: `sha256:<hex>` over the weights in use (or the code, for a model without weights).
        device: `cpu`, `cuda:0`, ...: where it really runs.
    """

    name: str
    version: str
    digest: str
    device: str


class PageModel(ABC, Generic[OptionsT, ResultT]):
    """A model. No gRPC, no protobuf, no threads of its own to manage.

    The runtime calls `load` once before the server reports SERVING, `predict` from worker threads
    (never two at once on one instance unless `concurrent` is true), and `close` once after the
    last `predict` returned.
    """

    concurrent: bool = False
    """True when `predict` may run in several threads at once."""

    @abstractmethod
    def load(self) -> ModelIdentity:
        """Load the weights and warm up. Raises on anything that would make `predict` fail."""

    @abstractmethod
    def predict(self, pages: Sequence[PageInput[OptionsT]]) -> Sequence[ResultT | PagemeshError]:
        """Answer every page, in order.

        One bad page is answered with a `PagemeshError` in its place and must not change the others'
        answers: a page's answer never depends on what it was batched with.
        """

    def close(self) -> None:
        """Free what `load` took. Safe to call twice and without `load`."""

    def bucket(self, page: PageInput[OptionsT]) -> Hashable:  # noqa: ARG002
        """Pages of one batch share this key: the padded input shape, say. One bucket by default."""
        return None


def digest_of(paths: Iterable[str | Path]) -> str:
    """`sha256:<hex>` over the files' digests in the given order, for a `ModelIdentity`."""
    digests = [hashlib.sha256(Path(path).read_bytes()).digest() for path in paths]
    if len(digests) == 1:
        return f"sha256:{digests[0].hex()}"
    return f"sha256:{hashlib.sha256(b''.join(digests)).hexdigest()}"

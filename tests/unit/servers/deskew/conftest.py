from collections.abc import Callable, Iterator

import pytest

from meshkit.model import Image, PageInput
from servers.deskew.config import DeskewConfig
from servers.deskew.model import DeskewModel, DeskewOptions, DeskewResult

Deskew = Callable[[Image], DeskewResult]


@pytest.fixture(scope="session")
def model() -> Iterator[DeskewModel]:
    model = DeskewModel(DeskewConfig())
    model.load()
    yield model
    model.close()


@pytest.fixture(scope="session")
def deskew(model: DeskewModel) -> Deskew:
    """Answers one page, with the upright page."""

    def answer(image: Image) -> DeskewResult:
        options = DeskewOptions(include_upright_page=True)
        (result,) = model.predict([PageInput(image, None, options)])
        assert isinstance(result, DeskewResult)
        return result

    return answer

"""The loaded model, shared by the tests of this folder."""

from collections.abc import Callable, Iterator

import pytest

from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import Checkbox, CheckboxModel, CheckboxOptions

Find = Callable[..., tuple[Checkbox, ...]]


@pytest.fixture(scope="session")
def checkbox_model() -> Iterator[CheckboxModel]:
    model = CheckboxModel(CheckboxConfig())
    model.load()
    yield model
    model.close()


@pytest.fixture
def find(checkbox_model: CheckboxModel) -> Find:
    """The boxes of one page."""

    def found(image: Image, threshold: float | None = None) -> tuple[Checkbox, ...]:
        page = PageInput(image, None, CheckboxOptions(threshold))
        (result,) = checkbox_model.predict([page])
        assert not isinstance(result, PagemeshError)
        return result

    return found

"""The loaded model, shared by the tests of this folder."""

from collections.abc import Callable, Iterator

import pytest

from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import Signature, SignatureModel, SignatureOptions

Find = Callable[..., tuple[Signature, ...]]


@pytest.fixture(scope="session")
def signature_model() -> Iterator[SignatureModel]:
    model = SignatureModel(SignatureConfig())
    model.load()
    yield model
    model.close()


@pytest.fixture
def find(signature_model: SignatureModel) -> Find:
    """The signatures of one page."""

    def found(image: Image, threshold: float | None = None) -> tuple[Signature, ...]:
        page = PageInput(image, None, SignatureOptions(threshold))
        (result,) = signature_model.predict([page])
        assert not isinstance(result, PagemeshError)
        return result

    return found

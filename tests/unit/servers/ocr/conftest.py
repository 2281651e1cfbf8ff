"""The loaded model, once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from servers.ocr.config import OcrConfig
from servers.ocr.model import OcrModel


@pytest.fixture(scope="session")
def model() -> Iterator[OcrModel]:
    model = OcrModel(OcrConfig(device="cpu"))
    model.load()
    yield model
    model.close()

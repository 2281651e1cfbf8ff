"""The signature model on letters drawn here."""

import numpy as np
import pytest

from meshkit.errors import ModelNotReady
from meshkit.model import Image, PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import Signature, SignatureModel, SignatureOptions
from tests.unit.servers.signature.conftest import Find
from tests.unit.servers.signature.pages import Scrawl, letter

SIGNED = Scrawl(left=620, top=1180, width=360, height=120)


def overlap(signature: Signature, scrawl: Scrawl) -> float:
    """Intersection over union."""
    low, high = signature.quad.min(axis=0) + 0.5, signature.quad.max(axis=0) + 0.5
    corner = np.array([scrawl.left, scrawl.top])
    size = np.array([scrawl.width, scrawl.height])
    both = np.maximum(np.minimum(high, corner + size) - np.maximum(low, corner), 0).prod()
    return float(both / ((high - low).prod() + size.prod() - both))


def test_a_signed_letter_has_one_signature_where_it_is(find: Find) -> None:
    found = find(letter(SIGNED))
    assert len(found) == 1
    assert overlap(found[0], SIGNED) > 0.5
    assert 0.5 <= found[0].score <= 1


def test_two_signatures_are_both_found_best_first(find: Find) -> None:
    left = Scrawl(left=130, top=1180, width=360, height=120)
    found = find(letter(left, Scrawl(left=740, top=1180, width=360, height=120)))
    assert len(found) == 2
    assert found[0].score >= found[1].score
    assert {overlap(item, left) > 0.5 for item in found} == {True, False}


def test_text_alone_is_not_signed(find: Find) -> None:
    assert find(letter(lines=34)) == ()


def test_colour_and_grey_pages_say_the_same(find: Find) -> None:
    page = letter(SIGNED)
    assert len(find(np.dstack([page] * 3))) == len(find(page)) == 1


def test_a_lower_threshold_only_adds_signatures(find: Find) -> None:
    page = letter(SIGNED)
    low = find(page, 0.02)
    assert low[0].score == find(page, 0.3)[0].score
    assert [item.score for item in low] == sorted((item.score for item in low), reverse=True)
    assert find(page, 1.0) == ()


def test_the_server_has_a_threshold_of_its_own() -> None:
    strict = SignatureModel(SignatureConfig(threshold=1.0))
    strict.load()
    page = PageInput(letter(SIGNED), None, SignatureOptions())
    assert list(strict.predict([page])) == [()]


def equal(one: tuple[Signature, ...], other: tuple[Signature, ...]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.quad, b.quad) and a.score == b.score
        for a, b in zip(one, other, strict=True)
    )


def test_a_page_has_the_same_signatures_alone_and_in_a_batch(
    signature_model: SignatureModel, find: Find
) -> None:
    images: list[Image] = [
        letter(SIGNED),
        letter(),
        letter(Scrawl(300, 700, 360, 120), width=1700, height=1100, lines=12),
        letter(Scrawl(200, 1200, 300, 110)),
    ]
    pages = [PageInput(image, None, SignatureOptions(0.05)) for image in images]
    for image, together in zip(images, signature_model.predict(pages), strict=True):
        assert isinstance(together, tuple)
        assert equal(find(image, 0.05), together)
    assert len({signature_model.bucket(page) for page in pages}) == 2


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 4000), (4000, 1), (1650, 1275)])
def test_plain_pages_of_any_shape_are_not_signed(
    find: Find, shape: tuple[int, int], value: int
) -> None:
    assert find(np.full(shape, value, np.uint8)) == ()


def test_a_huge_page_and_noise_do_no_harm(find: Find) -> None:
    assert find(np.full((9000, 9000), 255, np.uint8)) == ()
    noise = np.random.default_rng(0).integers(0, 256, (800, 600)).astype(np.uint8)
    for item in find(noise, 0.01):
        assert np.isfinite(item.quad).all()


def test_an_unloaded_model_says_so() -> None:
    model = SignatureModel(SignatureConfig())
    model.close()
    with pytest.raises(ModelNotReady):
        model.predict([PageInput(letter(), None, SignatureOptions())])


def test_the_identity_names_the_weights(signature_model: SignatureModel) -> None:
    identity = signature_model.load()
    assert identity.name == "signature"
    assert identity.digest.startswith("sha256:")
    assert identity.device in {"cpu", "cuda:0"}

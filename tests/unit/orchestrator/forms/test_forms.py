"""From a blank form to named values, with words as a reader would give them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from meshkit.geometry import Points
from orchestrator.forms.alignment import align
from orchestrator.forms.blank import read_blank
from orchestrator.forms.definition import InvalidForm
from orchestrator.forms.initial import init_form
from orchestrator.forms.library import Form, FormLibrary, FormSet, load_form, load_forms
from orchestrator.forms.matching import find_form, lay_again
from orchestrator.forms.pdf_form import read_pages, read_widgets, render_page
from orchestrator.forms.reading import FormReader, PageFindings
from orchestrator.forms.words import PageWord
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.orchestrator.v1 import document_pb2 as pb
from tests.unit.orchestrator.forms.made import Written, fillable, homography, scanned, words_on

BLACK = np.zeros((1700, 1300), np.uint8)
LEFT = 204.0
WRITTEN: Written = {
    (LEFT, 792 - 604): "Ana Okafor",
    (LEFT, 792 - 574): "04/17/1984",
    (LEFT, 792 - 544): "123-45-6789",
    (LEFT, 792 - 514): "$1,250.00",
}


def nobody(_path: Path) -> list[pb.PageResult]:
    raise AssertionError("this blank has text of its own")


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Form:
    """The form that is drafted from the PDF."""
    folder = tmp_path_factory.mktemp("forms")
    made = init_form(fillable(folder / "Harbour Grant.pdf"), folder / "grant", "grant", nobody)
    assert made.is_fillable
    return load_form(made.folder)


def test_draft_names_and_types_every_field(form: Form) -> None:
    drafted = {item.name: item for item in form.definition.fields}
    assert {name: str(item.type) for name, item in drafted.items()} == {
        "full_name": "name",
        "birth_date": "date",
        "ssn": "id",
        "grant_amount": "money",
        "is_owner": "checkbox",
        "is_tenant": "checkbox",
    }
    assert drafted["ssn"].id == "ssn"
    assert drafted["full_name"].zone == pytest.approx([200, 176, 220, 16], abs=1)


def test_draft_of_a_blank_without_fields_finds_lines_and_boxes(form: Form, tmp_path: Path) -> None:
    picture = render_page(form.pages[0].source, 1, 150)
    cv2.imwrite(str(tmp_path / "scan.png"), picture)

    def read(_path: Path) -> list[pb.PageResult]:
        page = pb.PageResult(width=picture.shape[1], height=picture.shape[0], dpi=150)
        for word in form.pages[0].words:
            line = page.ocr.lines.add()
            found = line.words.add(text=word.text, confidence=0.9)
            for name, (x, y) in zip(
                ("top_left", "top_right", "bottom_right", "bottom_left"),
                word.box.corners * 150 / 72,
                strict=True,
            ):
                getattr(found.quad, name).x, getattr(found.quad, name).y = x, y
        return [page]

    made = init_form(tmp_path / "scan.png", tmp_path / "scanned", "", read)
    assert not made.is_fillable
    loaded = load_form(made.folder)
    kinds = [str(item.type) for item in loaded.definition.fields]
    assert kinds.count("checkbox") == 2
    zones = [item.rect for item in loaded.definition.fields if item.rect]
    for item in form.definition.fields:
        assert item.rect is not None
        assert any(zone.overlap(item.rect) > 0.5 for zone in zones), item.name


@pytest.mark.parametrize("degrees", [0.0, 3.0, 90.0, 181.5])
@pytest.mark.parametrize("scale", [1.4, 2.8])
def test_a_page_is_laid_on_its_blank(form: Form, degrees: float, scale: float) -> None:
    blank = form.pages[0]
    matrix = scanned(degrees, scale, (900, 1200))
    found = align(blank, words_on(blank, homography(matrix), WRITTEN))
    assert found is not None
    corners = np.array([(0, 0), (612, 0), (612, 792), (0, 792)], np.float64)
    missed = np.linalg.norm(found.to_page(corners) - homography(matrix)(corners), axis=1)
    assert missed.max() < 1.0
    assert found.coverage > 0.95


def test_half_a_page_is_enough(form: Form) -> None:
    blank = form.pages[0]
    to_page = homography(scanned(1.0, 2.0, (50, 60)))
    words = [w for w in words_on(blank, to_page) if w.corners[:, 1].max() < 800]
    found = align(blank, words)
    assert found is not None
    point = np.array([(300.0, 200.0)])
    assert np.linalg.norm(found.to_page(point) - to_page(point)) < 1.0


def folded(to_page: Callable[[Points], Points]) -> Callable[[Points], Points]:
    """The same with the lower half of the page pushed aside at a fold."""

    def apply(points: Points) -> Points:
        moved = points.copy()
        below = points[:, 1] > 400
        moved[below] += (4.0, -5.0)
        return to_page(moved)

    return apply


def test_a_folded_page_is_followed_near_each_place(form: Form) -> None:
    blank = form.pages[0]
    to_page = folded(homography(scanned(0.5, 2.0, (30, 30))))
    found = align(blank, words_on(blank, to_page))
    assert found is not None
    for point in ((300.0, 120.0), (300.0, 510.0)):
        missed = found.to_page(np.array([point])) - to_page(np.array([point]))
        assert np.linalg.norm(missed) / 2.0 < 1.5


def test_another_page_is_not_laid(form: Form) -> None:
    blank = form.pages[0]
    words = words_on(blank, homography(scanned(0, 2, (0, 0))))
    rng = np.random.default_rng(3)
    shuffled = [
        type(w)(w.text, w.confidence, words[i].corners, w.line)
        for w, i in zip(words, rng.permutation(len(words)), strict=True)
    ]
    laid = align(blank, shuffled)
    assert laid is None or laid.found < 0.2


def findings(form: Form, written: Written) -> tuple[FormReader, pb.FormMatch]:
    """A reader of a page that is the blank with words written on it, at 144 dpi, askew."""
    blank = form.pages[0]
    matrix = scanned(1.5, 2.0, (20, 5))
    words = words_on(blank, homography(matrix), written)
    picture = blank.picture()
    zoom = np.diag([72 / 120, 72 / 120, 1.0])
    warped = cv2.warpPerspective(picture, matrix @ zoom, (1300, 1700), borderValue=255)
    image = np.asarray(warped, np.uint8)
    forms = load_forms([form.pages[0].source.parent.parent])
    match_ = find_form(forms, words, image, "", 0.5)
    laid = lay_again(forms, match_, words)
    assert laid is not None
    page = PageFindings(words, CheckboxResult(), None, image)
    return FormReader(laid.form.definition, laid.blank, laid.alignment, page), match_


def test_values_are_read_by_their_definition(form: Form) -> None:
    reader, match_ = findings(form, WRITTEN)
    assert (match_.name, match_.blank_page) == ("grant", 1)
    assert match_.score > 0.9
    assert match_.residual_points < 0.5
    fields = {item.name: item for item in reader.fields()}
    assert {name: item.value for name, item in fields.items()} == {
        "full_name": "Ana Okafor",
        "birth_date": "1984-04-17",
        "ssn": "123456789",
        "grant_amount": "1250.00",
        "is_owner": "false",
        "is_tenant": "false",
    }
    assert fields["ssn"].raw_text == "123-45-6789"
    assert {item.form for item in fields.values()} == {"grant"}
    assert reader.doubtful() == []


def test_what_is_empty_or_wrong_says_why(form: Form) -> None:
    odd = dict(WRITTEN)
    odd[LEFT, 792 - 574], odd[LEFT, 792 - 544] = "tomorrow", "000-45-6789"
    del odd[LEFT, 792 - 604]
    reader, _ = findings(form, odd)
    fields = {item.name: item for item in reader.fields()}
    assert fields["full_name"].reason == pb.FIELD_REASON_EMPTY
    assert fields["birth_date"].reason == pb.FIELD_REASON_WRONG_TYPE
    assert fields["birth_date"].raw_text == "tomorrow"
    assert fields["ssn"].reason == pb.FIELD_REASON_BAD_CHECKSUM
    assert fields["birth_date"].confidence < 0.5
    assert {item.name for item in reader.doubtful()} == {"birth_date", "ssn"}
    sheet = reader.sheet(reader.doubtful())
    assert sheet is not None
    assert [name for name, _, _ in sheet.rows] == ["birth_date", "ssn"]


def faded(words: list[PageWord]) -> list[PageWord]:
    """What a reader makes of a print of which seven words in ten are too pale."""
    return [word for place, word in enumerate(words) if word.line or place % 10 < 3]


def test_faded_print_is_enough_where_nothing_contradicts_it(form: Form) -> None:
    to_page = homography(scanned(1.0, 2.0, (50, 60)))
    words = faded(words_on(form.pages[0], to_page, WRITTEN))
    match = find_form(FormSet((form,)), words, BLACK, "", 0.5)
    assert match.name == "grant"
    assert match.score > 0.9


def test_form_that_says_other_words_in_the_same_places_is_another(form: Form) -> None:
    to_page = homography(scanned(1.0, 2.0, (50, 60)))
    printed = words_on(form.pages[0], to_page, WRITTEN)
    kept = {id(word) for word in faded(printed)}
    words = [
        word if id(word) in kept else dataclasses.replace(word, text="xyzzy") for word in printed
    ]
    match = find_form(FormSet((form,)), words, BLACK, "", 0.5)
    assert not match.name
    assert "`grant`, page 1" in match.reason


def test_of_two_years_the_one_that_more_words_follow_is_taken(form: Form) -> None:
    blank = form.pages[0]
    last_year = tuple(
        dataclasses.replace(word, text="former") if place % 20 == 0 else word
        for place, word in enumerate(blank.words)
    )
    older = dataclasses.replace(
        form,
        definition=form.definition.model_copy(update={"name": "former_grant"}),
        pages=(dataclasses.replace(blank, words=last_year),),
    )
    words = words_on(blank, homography(scanned(1.0, 2.0, (50, 60))), WRITTEN)
    for forms in ((form, older), (older, form)):
        assert find_form(FormSet(forms), words, BLACK, "", 0.5).name == "grant"


def test_page_of_no_form_says_so(form: Form) -> None:
    forms = load_forms([form.pages[0].source.parent.parent])
    match_ = find_form(forms, [], np.full((100, 100), 255, np.uint8), "", 0.5)
    assert not match_.name
    assert "too little in common" in match_.reason


def test_class_keeps_a_form_from_other_pages(form: Form, tmp_path: Path) -> None:
    folder = tmp_path / "grant"
    folder.mkdir()
    source = form.pages[0].source.parent
    for file in ("blank.pdf", "blank.words.json"):
        (folder / file).write_bytes((source / file).read_bytes())
    text = (source / "definition.yaml").read_text().replace("classes: []", "classes: [grant]")
    (folder / "definition.yaml").write_text(text)
    forms = load_forms([tmp_path])
    blank = forms.forms[0].pages[0]
    words = words_on(blank, homography(scanned(0, 2, (0, 0))))
    white = np.full((1584, 1224), 255, np.uint8)
    assert find_form(forms, words, white, "grant", 0.5).name == "grant"
    assert find_form(forms, words, white, "", 0.5).name == "grant"
    assert not find_form(forms, words, white, "invoice", 0.5).name


def test_library_takes_a_change_only_when_it_is_whole(form: Form, tmp_path: Path) -> None:
    folder = tmp_path / "grant"
    folder.mkdir()
    source = form.pages[0].source.parent
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    library = FormLibrary([tmp_path])
    library.load()
    assert not library.reload()
    definition = folder / "definition.yaml"
    good = definition.read_text()
    definition.write_text(good.replace("type: date", "type: day"))
    assert not library.reload()
    assert [f.definition.version for f in library.current.forms] == ["1.0.0"]
    definition.write_text(good.replace('"1.0.0"', '"1.1.0"'))
    assert library.reload()
    assert [f.definition.version for f in library.current.forms] == ["1.1.0"]


def test_anchor_gives_the_place_beside_a_printed_text(form: Form, tmp_path: Path) -> None:
    folder = tmp_path / "grant"
    folder.mkdir()
    (folder / "blank.pdf").write_bytes(form.pages[0].source.read_bytes())
    head = 'name: g\nversion: "1.0.0"\nfields:\n'
    right = "  - {name: x, anchor: {text: 'full name', direction: right, width: 300}}\n"
    (folder / "definition.yaml").write_text(head + right)
    (item,) = load_form(folder).definition.fields
    assert item.rect is not None
    exact = form.definition.fields[0].rect
    assert exact is not None
    assert item.rect.shared_area(exact) > 0.8 * exact.width * 14
    (folder / "definition.yaml").write_text(head + right.replace("full name", "shoe size"))
    with pytest.raises(InvalidForm, match="field `x`: anchor: `shoe size` is not there on page 1"):
        load_form(folder)


def test_zone_beyond_the_page_and_missing_blank_are_told(form: Form, tmp_path: Path) -> None:
    folder = tmp_path / "grant"
    folder.mkdir()
    text = 'name: g\nversion: "1.0.0"\nfields:\n  - {name: x, zone: [600, 10, 50, 10]}\n'
    (folder / "definition.yaml").write_text(text)
    with pytest.raises(InvalidForm, match=r"there is no blank\.pdf"):
        load_form(folder)
    (folder / "blank.pdf").write_bytes(form.pages[0].source.read_bytes())
    with pytest.raises(InvalidForm, match="field `x`: its zone leaves the page"):
        load_form(folder)


def test_kept_words_count_only_for_their_blank(form: Form, tmp_path: Path) -> None:
    folder = form.pages[0].source.parent
    assert [w.text for w in read_blank(folder, "blank.pdf")[0].words] == [
        w.text for w in read_pages(folder / "blank.pdf")[0].words
    ]
    (tmp_path / "blank.words.json").write_bytes((folder / "blank.words.json").read_bytes())
    other = Path("samples/forms/f15080-TY2021.pdf")
    (tmp_path / "blank.pdf").write_bytes(other.read_bytes())
    assert "Consent" in [w.text for w in read_blank(tmp_path, "blank.pdf")[0].words]


def test_shipped_forms_load() -> None:
    shipped = load_forms([Path("orchestrator/forms/shipped")])
    assert set(shipped.by_name) == {"irs_f1040_2021", "irs_f13614c_2024", "irs_f15080_2021"}
    widgets = read_widgets(shipped.by_name["irs_f15080_2021"].pages[0].source)
    assert len(widgets) == 4

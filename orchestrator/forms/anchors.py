"""Turns anchors, printed texts beside which values stand, into zones of the blank page."""

from collections.abc import Iterator, Sequence

from orchestrator.forms.blank import BlankPage
from orchestrator.forms.definition import Anchor, Direction, FieldDefinition, FormDefinition
from orchestrator.forms.frame import Rect
from orchestrator.forms.words import key_of


def with_zones(
    definition: FormDefinition, pages: Sequence[BlankPage]
) -> tuple[FormDefinition, list[str]]:
    """The definition with a zone for every anchor, and a line for each that cannot be found.

    Args:
        pages: of the blank.
    """
    problems: list[str] = []
    fields: list[FieldDefinition] = []
    for item in definition.fields:
        if item.anchor is None or item.page > len(pages):
            fields.append(item)
            continue
        places = list(_places(item.anchor.text, pages[item.page - 1]))
        if len(places) != 1:
            count = "not there" if not places else f"there {len(places)} times"
            problems.append(
                f"field `{item.name}`: anchor: `{item.anchor.text}` is {count} on page {item.page}"
            )
            continue
        zone = _beside(places[0], item.anchor)
        sides = [zone.left, zone.top, zone.width, zone.height]
        fields.append(item.model_copy(update={"zone": sides}))
    return definition.model_copy(update={"fields": tuple(fields)}), problems


def _places(text: str, page: BlankPage) -> Iterator[Rect]:
    """Where the words of a text stand in a row on a page."""
    wanted = [key for word in text.split() if (key := key_of(word))]
    words = [(key, word.box) for word in page.words if (key := key_of(word.text))]
    for start in range(len(words) - len(wanted) + 1):
        run = words[start : start + len(wanted)]
        if wanted and [key for key, _ in run] == wanted:
            boxes = [box for _, box in run]
            yield Rect(
                min(box.left for box in boxes),
                min(box.top for box in boxes),
                max(box.right for box in boxes),
                max(box.bottom for box in boxes),
            )


def _beside(text: Rect, anchor: Anchor) -> Rect:
    middle = text.centre[1]
    top, bottom = middle - anchor.height / 2, middle + anchor.height / 2
    match anchor.direction:
        case Direction.RIGHT:
            left = text.right + anchor.gap
            return Rect(left, top, left + anchor.width, bottom)
        case Direction.LEFT:
            right = text.left - anchor.gap
            return Rect(right - anchor.width, top, right, bottom)
        case Direction.BELOW:
            top = text.bottom + anchor.gap
        case Direction.ABOVE:
            top = text.top - anchor.gap - anchor.height
    return Rect(text.left, top, text.left + anchor.width, top + anchor.height)

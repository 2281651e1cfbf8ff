"""Drafts a definition from a blank form: from its fillable fields, or from its lines and labels.

What is guessed (types, names, labels) is for a person to look over; places are exact where the PDF
has fields of its own.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.forms.definition import IdKind, ValueType
from orchestrator.forms.frame import Rect
from orchestrator.forms.pdf_form import PdfPage, PrintedWord, Widget

_LONGEST_NAME = 48
_LABEL_WORDS = 8
_NAMELESS = re.compile(
    r"(?i)^(?:[a-z]?\d+|[fc]\d+_\d+.*|(?:text|field|check ?box|undefined|button|group|untitled"
    r"|fill|cb|tf|choice)[ _]*\d*(?:[ _.]\d+)*)$"
)
_WIDEST_CELL = 24.0
_FEWEST_CELLS = 3


@dataclass(frozen=True, slots=True)
class DraftField:
    """A field as guessed. Attributes as in `orchestrator.forms.definition.FieldDefinition`.

    Attributes:
        options: (value, place) of a choice.
        cells: places of a comb's letters, where each is a field of its own in the PDF.
        origin: the PDF's own name, for a person; empty when it has none.
    """

    name: str
    type: ValueType
    label: str
    page: int
    box: Rect
    id: IdKind | None = None
    options: tuple[tuple[str, Rect | None], ...] = ()
    cells: tuple[Rect, ...] = ()
    comb: int = 0
    is_required: bool = False
    is_multiline: bool = False
    origin: str = ""


def draft_fields(pages: Sequence[PdfPage], widgets: Sequence[Widget]) -> list[DraftField]:
    """The fields of a fillable PDF, in reading order.

    Args:
        pages: words of every page.
        widgets: its fields, in reading order.
    """
    found: list[DraftField] = []
    for number, page in enumerate(pages, 1):
        here = [widget for widget in widgets if widget.page == number]
        labels = Labels(page.words, [widget.box for widget in here])
        found += _buttons([w for w in here if w.kind in ("checkbox", "radio")], labels)
        texts = [w for w in here if w.kind not in ("checkbox", "radio")]
        found += [_entry(run, labels) for run in _combs(texts)]
    found.sort(key=lambda field: (field.page, round(field.box.top / 4), field.box.left))
    return with_single_names(found)


class Labels:
    """Finds the printed words that belong to a place on the blank page."""

    def __init__(self, words: Sequence[PrintedWord], places: Sequence[Rect]) -> None:
        self._words = [word for word in words if re.search(r"\w", word.text)]
        self._places = places

    def of_entry(self, box: Rect) -> str:
        """Words directly left of a place to write, else those above it, else further left."""
        near, far = self._left(box, 14.0), self._left(box, 260.0)
        return near or self._above(box) or far

    def of_box(self, box: Rect) -> str:
        """Words right of a box to tick, else left of it."""
        right = [w for w in self._row(box) if w.box.left >= box.right - 2]
        run = _run(sorted(right, key=lambda w: w.box.left), box.right, 14.0, is_rightwards=True)
        edge = min((p.left for p in self._places if p.left > box.right and _level(p, box)),
                   default=float("inf"))  # fmt: skip
        kept = [word for word in run if word.box.left < edge]
        return _join(kept) or self._left(box, 14.0)

    def _left(self, box: Rect, reach: float) -> str:
        edge = max((p.right for p in self._places if p.right <= box.left + 2 and _level(p, box)),
                   default=float("-inf"))  # fmt: skip
        left = [w for w in self._row(box) if edge - 1 <= w.box.left and w.box.right <= box.left + 3]
        ordered = sorted(left, key=lambda w: -w.box.right)
        return _join(_run(ordered, box.left, reach, is_rightwards=False)[::-1])

    def _above(self, box: Rect) -> str:
        over = [
            w
            for w in self._words
            if box.top - 16 <= w.box.bottom <= box.top + 0.6 * w.box.height + 2
            and box.left - 4 <= w.box.left <= box.right
        ]
        if not over:
            return ""
        lowest = max(w.box.bottom for w in over)
        line = sorted((w for w in over if lowest - w.box.bottom < 4), key=lambda w: w.box.left)
        return _join(line)

    def _row(self, box: Rect) -> list[PrintedWord]:
        return [word for word in self._words if _level(word.box, box)]


def _level(one: Rect, other: Rect) -> bool:
    return one.shared_height(other) > 0.5 * min(one.height, other.height)


def _run(
    words: Sequence[PrintedWord], edge: float, reach: float, *, is_rightwards: bool
) -> list[PrintedWord]:
    """Words from an edge on: the first within reach, each next one close to it."""
    taken: list[PrintedWord] = []
    for word in words:
        gap = word.box.left - edge if is_rightwards else edge - word.box.right
        if gap > (reach if not taken else 0.9 * word.box.height):
            break
        taken.append(word)
        edge = word.box.right if is_rightwards else word.box.left
    return taken


def _join(words: Iterable[PrintedWord]) -> str:
    return " ".join(itertools.islice((word.text for word in words), _LABEL_WORDS)).strip(" .:_")


def _buttons(widgets: Sequence[Widget], labels: Labels) -> Iterator[DraftField]:
    """Boxes of one name are a choice; a box alone is a checkbox."""
    groups: dict[str, list[Widget]] = defaultdict(list)
    for widget in widgets:
        groups[widget.name].append(widget)
    for group in groups.values():
        first = group[0]
        words = [labels.of_box(widget.box) for widget in group]
        if len(group) == 1:
            yield _draft([first], ValueType.CHECKBOX, first.tip or words[0])
            continue
        values = _single([snake(w) or snake(g.export) for w, g in zip(words, group, strict=True)])
        options = tuple((value, g.box) for value, g in zip(values, group, strict=True))
        label = first.tip or " / ".join(words)[:80]
        yield replace(_draft(group, ValueType.CHOICE, label), options=options)


def _combs(widgets: Sequence[Widget]) -> Iterator[list[Widget]]:
    """Runs of fields of one letter each, side by side, as one; all others alone."""
    run: list[Widget] = []
    for widget in sorted(widgets, key=lambda w: (round(w.box.top / 4), w.box.left)):
        if run and not (_is_cell(widget) and _is_next(run[-1], widget)):
            yield from _ended(run)
            run = []
        run.append(widget)
    yield from _ended(run)


def _ended(run: list[Widget]) -> Iterator[list[Widget]]:
    if len(run) >= _FEWEST_CELLS:
        yield run
    else:
        yield from ([widget] for widget in run)


def _is_cell(widget: Widget) -> bool:
    return widget.kind == "text" and widget.length == 1 and widget.box.width <= _WIDEST_CELL


def _is_next(one: Widget, other: Widget) -> bool:
    gap = other.box.left - one.box.right
    is_alike = abs(one.box.height - other.box.height) < 0.25 * one.box.height
    return _is_cell(one) and is_alike and _level(one.box, other.box) and -2 <= gap <= 12


def _entry(run: Sequence[Widget], labels: Labels) -> DraftField:
    first = run[0]
    box = Rect(
        min(w.box.left for w in run),
        min(w.box.top for w in run),
        max(w.box.right for w in run),
        max(w.box.bottom for w in run),
    )
    label = first.tip or labels.of_entry(box)
    if first.kind == "signature":
        return _draft(run, ValueType.SIGNATURE, label)
    if first.kind == "list":
        options = tuple((option, None) for option in dict.fromkeys(first.options) if option.strip())
        if options:
            return replace(_draft(run, ValueType.CHOICE, label), options=options)
        return _draft(run, ValueType.TEXT, label)
    described = f"{_spaced(first.name)} {first.tip} {labels.of_entry(box)}"
    kind, identifier = guess_type(described, first.scripts, first.length)
    cells = tuple(widget.box for widget in run) if len(run) > 1 else ()
    return replace(
        _draft(run, kind, label),
        box=box,
        id=identifier,
        cells=cells,
        comb=len(run) if cells else first.cells,
    )


def _draft(run: Sequence[Widget], kind: ValueType, label: str) -> DraftField:
    first = run[0]
    own = re.sub(r"\[0\]", "", first.name)
    parts = [part for part in own.split(".") if part]
    last = parts[-1] if parts else ""
    row = next((part for part in parts[:-1] if re.match(r"(?i)row\d", part)), "")
    name = snake(label) if _NAMELESS.match(last) else snake(f"{row} {last}")
    return DraftField(
        name=name or snake(label) or f"field_{first.kind}",
        type=kind,
        label=" ".join(label.split())[:120],
        page=first.page,
        box=first.box,
        is_required=first.is_required,
        is_multiline=first.is_multiline,
        origin=first.name,
    )


_Guess = tuple[str, ValueType, IdKind | None]
_PLACES = (
    r"address|street|\bcity\b|\bstate\b|county|country|occupation|title|relation|initial\b|\bmi\b"
    r"|\bapt\b"
)
_AMOUNTS = (
    r"\bamounts?\b|\btotal\b|\btax\b|income|wages|credit|refund|payment|\bbalance\b|\binterest\b"
    r"|dividend|deduct|\bamt|\bdollars?\b|\$|penalt|withh?eld|contribution"
)
_GUESSES: tuple[_Guess, ...] = (
    (r"signature(?! date)|sign here", ValueType.SIGNATURE, None),
    (r"e ?mail", ValueType.TEXT, None),
    (r"birth ?(yr|year)|year of birth|\bnum\b", ValueType.INTEGER, None),
    (r"routing|\brtn\b", ValueType.ID, IdKind.ABA),
    (r"\biban\b", ValueType.ID, IdKind.IBAN),
    (r"\bdate\b|\bdob\b|birth ?da|birthday|\bbirth\b", ValueType.DATE, None),
    (r"\bssn\b|social security number|\bitin\b", ValueType.ID, IdKind.SSN),
    (r"\bf?ein\b|employer identification", ValueType.ID, IdKind.EIN),
    (r"\bzip\b|postal code", ValueType.ID, IdKind.ZIP),
    (r"phone|\btel\b|\bfax\b|\bmobile\b", ValueType.PHONE, None),
    (r"account (number|no)|\bptin\b|licen[sc]e (number|no)|\bid number", ValueType.ID, None),
    (_PLACES, ValueType.TEXT, None),
    (r"\bnames?\b|\bnm\b|first|last name|spouse s? name", ValueType.NAME, None),
    (_AMOUNTS, ValueType.MONEY, None),
    (r"number of|how many|months lived|\byear\b", ValueType.INTEGER, None),
)
"""What a field's words say about its type; the first that is found."""
_ID_KINDS_OF_FORMATS = {"0": IdKind.ZIP, "1": IdKind.ZIP, "3": IdKind.SSN}


def guess_type(words: str, scripts: str = "", length: int = 0) -> tuple[ValueType, IdKind | None]:
    """A type from a PDF field's scripts, else from the words about it.

    Args:
        words: its name, tool tip and label.
        scripts: its JavaScript; `AFDate_FormatEx`, `AFNumber_Format` and `AFSpecial_Format` are
            what PDF editors write there.
        length: its limit of letters; a field of one or two letters is no amount.
    """
    described = words.lower().replace("_", " ")
    if special := re.search(r"AFSpecial_(?:Format|Keystroke)\((\d)", scripts):
        kind = _ID_KINDS_OF_FORMATS.get(special[1])
        return (ValueType.ID, kind) if kind else (ValueType.PHONE, None)
    if date := re.search(r"AFDate_\w+\(\"?([^\")]*)", scripts):
        is_day = bool(re.search("d", date[1])) and bool(re.search("y", date[1]))
        return (ValueType.DATE if is_day else ValueType.TEXT), None
    is_number = "AFNumber_" in scripts
    for pattern, value_type, identifier in _GUESSES:
        if not re.search(pattern, described):
            continue
        is_amount = value_type in (ValueType.MONEY, ValueType.INTEGER)
        if is_number and not is_amount and value_type is not ValueType.ID:
            continue
        if value_type is ValueType.MONEY and 0 < length <= 2:
            continue
        return value_type, identifier
    return (ValueType.NUMBER if is_number else ValueType.TEXT), None


def snake(text: str) -> str:
    """`yourFirstName`, `Your first name:` as `your_first_name`."""
    words = re.findall(r"[a-z0-9]+", _spaced(text).lower())
    name = "_".join(words)[:_LONGEST_NAME].strip("_")
    return f"n_{name}" if name[:1].isdigit() else name


def _spaced(text: str) -> str:
    spaced = re.sub(r"\[\d+\]", " ", text.replace("’", "").replace("'", ""))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", spaced)
    return re.sub(r"[._]", " ", re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", " ", spaced))


def _single(names: Sequence[str]) -> list[str]:
    """Names made different by a number where they are not."""
    counts: Counter[str] = Counter()
    given = []
    for name in names:
        counts[name] += 1
        given.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return given if len(set(given)) == len(given) else _single(given)


def with_single_names(fields: Sequence[DraftField]) -> list[DraftField]:
    names = _single([field.name for field in fields])
    return [replace(field, name=name) for field, name in zip(fields, names, strict=True)]

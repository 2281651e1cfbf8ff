"""Printed labels: which runs of words name what stands beside or below them.

Words up to a colon are a label, and so are words behind which a printed line to write on begins. A
short text without either, a caption, is a label when it is numbered (`3. Place of birth`) or has a
word that captions have (`Last name`).
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.reading.layout import Box, Phrase, Token, is_wordlike
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import segments, stacked
from orchestrator.reading.tables import is_figure
from orchestrator.reading.vocabulary import words

HOLE = 1.5
"""A hole in a line wider than this, in heights of the text, parts it into runs."""
_NUMBERED = re.compile(r"\(?\d{1,2}[a-z]?[.)]\s*[A-Za-z]")
_COLONS = (":", "\uff1a")
_NO_CAPTION = re.compile(r"[a-zà-ÿ(\[]|[Pp]lease\b")
_GOES_ON = re.compile(r"(?:\b(?:of|and|the|or|for|de|du|des|der|und|del)|[&/-])$", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[a-zà-ÿ]{3}[.;]$")
_LONGEST_LABEL = 8
_LONGEST_CAPTION = 6
_LONGEST_NUMBER = 2
_LONGEST_REST = 3
_REST_REACH = 3.0
_BLANK_BEGINS = 1.0
_LONG_RULE = 6.0
# fmt: off
LABEL_WORDS: tuple[str, ...] = (
    "name", "initial", "m.i.", "address", "street", "apt", "apartment", "city", "town", "state",
    "county", "country", "zip", "code", "postcode", "date", "birth", "sex", "gender", "telephone",
    "phone", "number", "no.", "email", "e-mail", "title", "occupation", "employer", "ssn",
    "nationality", "citizenship", "status", "relationship", "fax", "account", "division",
    "section", "position", "manager", "supplier", "vendor",
    "customer", "client", "originator", "contact", "subject", "purpose", "reason", "description",
    "comments", "remarks", "type", "method", "product", "brand", "item", "model", "sample", "size",
    "weight", "quantity", "qty", "unit", "price", "cost", "amount", "total", "balance", "budget",
    "fee", "rate", "expense", "expenses", "income", "volume", "year", "period", "page", "pages",
    "#", "ref", "reference", "invoice", "order", "project", "policy", "claim", "location",
    "approved", "authorized", "prepared", "submitted", "requested", "received", "completed",
)
# fmt: on
"""Words that captions of English forms have."""


def runs_of(tokens: Sequence[Token], label_words: frozenset[str], rules: Rules) -> list[Phrase]:
    """Runs of words, from top to bottom, each a label or what may be a value."""
    runs = [
        part
        for line in segments(tokens, (), rules=rules, hole=HOLE)
        for run in _split_at_colons(line)
        for part in _split_at_number(run, label_words)
    ]
    runs = [part for run in runs for part in _split_at_rule(run, rules)]
    return _joined_labels(runs, label_words)


def has_colon(run: Phrase) -> bool:
    """Whether a colon ends it."""
    return run.text.endswith(_COLONS)


def is_label(run: Phrase, label_words: frozenset[str]) -> bool:
    """Whether it ends in a colon or is a caption."""
    if has_colon(run):
        is_notice = run.text.lower().rstrip(" :") in words("notice")
        is_prose = any(_ENDS_SENTENCE.search(token.text) for token in run.tokens[:-1])
        return len(run.tokens) <= _LONGEST_LABEL and not is_notice and not is_prose
    if len(run.tokens) > _LONGEST_CAPTION:
        return False
    own = _words(run.tokens)
    if _NO_CAPTION.match(run.text):
        return False
    if any(char.isdigit() for token in run.tokens[1:] for char in token.text):
        return False
    return _NUMBERED.match(run.text) is not None or not own.isdisjoint(label_words)


def blank_behind(run: Phrase, rules: Rules) -> Box | None:
    """The printed line that begins where these words end, to be written on."""
    box, height = run.box, run.box.height
    if len(run.tokens) > _LONGEST_LABEL:
        return None
    return next(
        (
            rule
            for rule in rules.across
            if -0.5 * height <= rule.left - box.right <= _BLANK_BEGINS * height
            and _is_base(rule, box)
        ),
        None,
    )


def _words(tokens: Iterable[Token]) -> set[str]:
    """In lower case, with and without the points that end them."""
    bare = {token.text.lower().strip("(),:*") for token in tokens}
    return bare | {word.strip(".") for word in bare}


def _split_at_colons(run: Phrase) -> Iterator[Phrase]:
    """`Name: Ann Date: 1 May` as `Name:`, `Ann`, `Date:`, `1 May`.

    Between two labels the value ends at the widest hole, and at the label's last word when all
    holes are alike.
    """
    rest = list(run.tokens)
    is_first = True
    while colon := next((i + 1 for i, token in enumerate(rest) if _ends_label(token)), 0):
        start = 0 if is_first else _label_start(rest[:colon])
        if start:
            yield Phrase(tuple(rest[:start]))
        yield Phrase(tuple(rest[start:colon]))
        rest, is_first = rest[colon:], False
    if rest:
        yield Phrase(tuple(rest))


def _ends_label(token: Token) -> bool:
    return token.text.endswith(_COLONS) and is_wordlike(token.text)


def _label_start(tokens: Sequence[Token]) -> int:
    """Where, in a value followed by a label, the label starts."""
    holes = [
        (after.box.left - before.box.right, index + 1)
        for index, (before, after) in enumerate(itertools.pairwise(tokens))
    ]
    if not holes:
        return 0
    widest, index = max(holes)
    ordinary = sorted(hole for hole, _ in holes)[len(holes) // 2]
    return index if widest > 1.5 * max(ordinary, 1.0) else len(tokens) - 1


def _split_at_number(run: Phrase, label_words: frozenset[str]) -> Iterator[Phrase]:
    """`Job No. 7559` as `Job No.` and `7559`; other runs as they are."""
    for index, token in enumerate(run.tokens[1:_LONGEST_CAPTION], 1):
        if any(char.isdigit() for char in token.text):
            before = Phrase(run.tokens[:index])
            own = _words(before.tokens[-2:])
            is_short = len(run.tokens) - index <= _LONGEST_NUMBER
            is_short = is_short and not token.text.startswith("#")
            if is_short and not has_colon(before) and any(word in label_words for word in own):
                yield before
                yield Phrase(run.tokens[index:])
                return
            break
    yield run


def _split_at_rule(run: Phrase, rules: Rules) -> Iterator[Phrase]:
    """`Purpose of trip` and what is written on the line behind it, read in one run."""
    box = run.box
    for rule in rules.across:
        if box.left + box.height < rule.left < box.right and _is_base(rule, box):
            index = sum(token.box.middle < rule.left for token in run.tokens)
            if 0 < index < len(run.tokens) and not has_colon(Phrase(run.tokens[:index])):
                yield Phrase(run.tokens[:index])
                yield Phrase(run.tokens[index:])
                return
    yield run


def _is_base(rule: Box, box: Box) -> bool:
    """Whether a printed line runs where letters stand."""
    is_long_and_thin = rule.width >= _LONG_RULE * box.height >= _LONG_RULE * 3 * rule.height
    is_low = box.top + 0.7 * box.height <= rule.top <= box.bottom + 0.5 * box.height
    return is_long_and_thin and is_low


def _joined_labels(runs: Sequence[Phrase], label_words: frozenset[str]) -> list[Phrase]:
    """Labels that go on in the line below (`No. of`, `Stores`) made one."""
    joined: dict[int, Phrase] = dict(enumerate(runs))
    for index, run in enumerate(runs):
        if index not in joined or len(run.tokens) > _LONGEST_CAPTION:
            continue
        is_open = _GOES_ON.search(run.text) is not None
        if not is_open and (has_colon(run) or not is_label(run, label_words)):
            continue
        below = next(
            (
                number
                for number, other in joined.items()
                if number != index
                and run.box.is_over(other.box)
                and -0.4 <= (other.box.top - run.box.bottom) / run.box.height <= 0.7
                and len(other.tokens) <= _LONGEST_CAPTION
                and (is_open or _is_rest_of_head(run, other, runs))
            ),
            None,
        )
        if below is not None:
            joined[index] = stacked([run, joined.pop(below)])
    return [joined[index] for index in sorted(joined)]


def _is_rest_of_head(run: Phrase, other: Phrase, runs: Sequence[Phrase]) -> bool:
    """Whether words below a caption go on with it: a figure stands below them, or beside."""
    if len(other.tokens) > _LONGEST_REST or is_figure(other) or has_colon(other):
        return False
    height = min(run.box.height, other.box.height)
    apart = (run.box.left - other.box.left, run.box.middle - other.box.middle)
    if min(map(abs, apart)) > height:
        return False
    below = [
        (value.box.top, number)
        for number, value in enumerate(runs)
        if value is not other
        and other.box.is_over(value.box)
        and 0.5 <= (value.box.top - other.box.top) / other.box.height <= _REST_REACH
    ]
    return bool(below) and is_figure(runs[min(below)[1]])

"""Conditions of pipeline steps: a small expression language over what earlier steps found.

    classify.label in [application_form, tax_form]
    deskew.quality.blur < 0.6 and not classify.score < 0.8

A dotted name is a fact of an earlier step; a bare word is text; `and`, `or`, `not`, parentheses,
`== != < <= > >=`, `in`, `not in` and lists do what they do in Python. Nothing else is accepted:
the text is parsed by `ast` and only the nodes named here are ever evaluated.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from meshkit.errors import InvalidPipeline

Fact = bool | float | str
"""What a step found, as a condition sees it."""

Value = Fact | tuple[Fact, ...]


class FactKind(StrEnum):
    """What can be done with a fact."""

    NUMBER = "number"
    TEXT = "text"
    TRUTH = "truth value"


KnownFacts = Mapping[str, Mapping[str, FactKind] | None]
"""Facts by step name; None for a step whose facts nobody declared."""


class ConditionError(InvalidPipeline):
    """A condition that cannot be parsed, or not be decided on this page's facts."""

    default_reason = "INVALID_CONDITION"


_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,  # type: ignore[operator]
    ast.LtE: lambda left, right: left <= right,  # type: ignore[operator]
    ast.Gt: lambda left, right: left > right,  # type: ignore[operator]
    ast.GtE: lambda left, right: left >= right,  # type: ignore[operator]
    ast.In: lambda left, right: isinstance(right, tuple) and left in right,
    ast.NotIn: lambda left, right: isinstance(right, tuple) and left not in right,
}
_MEMBERSHIP = (ast.In, ast.NotIn)
_TRUTH_WORDS = {"true": True, "false": False}
_MAX_LENGTH = 1000
_MAX_DEPTH = 20


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes:
        text: as the pipeline states it.
        facts: the dotted names that it asks for, in order of appearance.
    """

    text: str
    facts: tuple[str, ...]
    _root: ast.expr

    def problems(self, known: KnownFacts) -> list[str]:
        """What is wrong with it, given the steps before it and their facts. Empty: nothing."""
        unknown = [found for fact in self.facts if (found := _unknown_fact(fact, known))]
        return unknown or list(_kind_problems(self._root, known))

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Decide it. Raises ConditionError when a fact is missing or is of another kind."""
        return _truth(self._root, facts)

    def evidence(self, facts: Mapping[str, Fact]) -> dict[str, Fact]:
        """The facts that it asks for and their siblings, those that exist on this page.

        `classify.label` brings `classify.score` and `classify.threshold` with it.
        """
        parents = {fact.rpartition(".")[0] for fact in self.facts}
        return {name: value for name, value in facts.items() if name.rpartition(".")[0] in parents}


def parse(text: str) -> Condition:
    """Parse a condition. Raises ConditionError saying what is not understood and where."""
    if len(text) > _MAX_LENGTH:
        raise ConditionError(f"condition is longer than {_MAX_LENGTH} characters")
    try:
        root = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        detail = error.msg if isinstance(error, SyntaxError) else "too deep or not text"
        raise ConditionError(f"condition `{text}` cannot be read: {detail}") from error
    _check_truth(root, text, 0)
    facts = tuple(dict.fromkeys(_fact_names(root)))
    if not facts:
        raise ConditionError(f"condition `{text}` asks for no fact such as `classify.label`")
    return Condition(text.strip(), facts, root)


def _check_truth(node: ast.expr, text: str, depth: int) -> None:
    """Accept only what can be true or false."""
    if depth > _MAX_DEPTH:
        raise ConditionError(f"condition `{text}` is nested deeper than {_MAX_DEPTH}")
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _check_truth(value, text, depth + 1)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_truth(operand, text, depth + 1)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for operand, op in zip([left, *comparators], [None, *ops], strict=True):
                _check_operand(operand, text, is_list_allowed=isinstance(op, _MEMBERSHIP))
            _check_operators(ops, comparators, text)
        case ast.Attribute():
            _check_operand(node, text, is_list_allowed=False)
        case _:
            raise ConditionError(
                f"condition `{text}`: `{ast.unparse(node)}` is neither a comparison nor a fact "
                "that is true or false"
            )


def _check_operators(ops: list[ast.cmpop], comparators: list[ast.expr], text: str) -> None:
    for op, right in zip(ops, comparators, strict=True):
        if type(op) not in _COMPARISONS:
            raise ConditionError(f"condition `{text}`: `is` is not understood; write `==`")
        if isinstance(op, _MEMBERSHIP) and not isinstance(right, (ast.List, ast.Tuple)):
            raise ConditionError(
                f"condition `{text}`: after `in` a list is expected: `[{ast.unparse(right)}]`"
            )


def _check_operand(node: ast.expr, text: str, *, is_list_allowed: bool) -> None:
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items) if is_list_allowed:
            for item in items:
                _check_operand(item, text, is_list_allowed=False)
        case ast.Name() | ast.Constant(value=bool() | int() | float() | str()):
            pass
        case ast.Attribute() if _dotted(node):
            pass
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            pass
        case _:
            raise ConditionError(
                f"condition `{text}`: `{ast.unparse(node)}` is not understood; a fact, a number, "
                "a word, a quoted text or a list (after `in`) is expected"
            )


def _dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of attributes of a name; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _fact_names(root: ast.expr) -> Iterator[str]:
    inner = {child for n in ast.walk(root) if isinstance(n, ast.Attribute) for child in [n.value]}
    for node in ast.walk(root):
        if isinstance(node, ast.Attribute) and node not in inner:
            yield _dotted(node)


def _unknown_fact(fact: str, known: KnownFacts) -> str:
    step, _, name = fact.partition(".")
    if step not in known:
        before = ", ".join(sorted(known)) or "none"
        return f"`{fact}`: no step `{step}` comes before this one (steps before it: {before})"
    facts = known[step]
    if facts is not None and name not in facts:
        return f"`{fact}`: step `{step}` has no fact `{name}` (it has: {', '.join(sorted(facts))})"
    return ""


def _kind(node: ast.expr, known: KnownFacts) -> FactKind | None:
    """What kind of value an operand is; None when nobody knows before the page is there."""
    match node:
        case ast.Attribute():
            step, _, name = _dotted(node).partition(".")
            return (known.get(step) or {}).get(name)
        case ast.Name(id=word):
            return FactKind.TRUTH if word in _TRUTH_WORDS else FactKind.TEXT
        case ast.Constant(value=bool()):
            return FactKind.TRUTH
        case ast.Constant(value=str()):
            return FactKind.TEXT
        case _:
            return FactKind.NUMBER


def _kind_problems(root: ast.expr, known: KnownFacts) -> Iterator[str]:
    match root:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _kind_problems(value, known)
        case ast.UnaryOp(operand=operand):
            yield from _kind_problems(operand, known)
        case ast.Attribute() if _kind(root, known) not in (None, FactKind.TRUTH):
            yield f"`{_dotted(root)}` is a {_kind(root, known)}: compare it with something"
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for op, right in zip(ops, comparators, strict=True):
                yield from _comparison_problems(left, op, right, known)
                left = right


def _comparison_problems(
    left: ast.expr, op: ast.cmpop, right: ast.expr, known: KnownFacts
) -> Iterator[str]:
    kind = _kind(left, known)
    others = right.elts if isinstance(right, (ast.List, ast.Tuple)) else [right]
    for other in others:
        other_kind = _kind(other, known)
        if None not in (kind, other_kind) and kind != other_kind:
            yield (
                f"`{ast.unparse(left)}` is a {kind} and `{ast.unparse(other)}` is a {other_kind}"
            )
    is_order = not isinstance(op, (ast.Eq, ast.NotEq, *_MEMBERSHIP))
    if is_order and FactKind.NUMBER not in (kind, _kind(right, known)) and kind is not None:
        yield f"`{ast.unparse(left)}` is a {kind}: only numbers are larger or smaller"


def _truth(node: ast.expr, facts: Mapping[str, Fact]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_truth(value, facts) for value in values)
        case ast.BoolOp(values=values):
            return any(_truth(value, facts) for value in values)
        case ast.UnaryOp(operand=operand):
            return not _truth(operand, facts)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compare(left, ops, comparators, facts)
        case _:
            value = _value(node, facts)
            if not isinstance(value, bool):
                raise ConditionError(f"`{ast.unparse(node)}` is {value!r}, not true or false")
            return value


def _compare(
    left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr], facts: Mapping[str, Fact]
) -> bool:
    values = [_value(node, facts) for node in (left, *comparators)]
    for op, first, second in zip(ops, values, values[1:], strict=False):
        is_order = isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
        if is_order and not (_is_number(first) and _is_number(second)):
            raise ConditionError(f"{first!r} and {second!r} cannot be ordered: not both numbers")
        if not _COMPARISONS[type(op)](first, second):
            return False
    return True


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _value(node: ast.expr, facts: Mapping[str, Fact]) -> Value:
    match node:
        case ast.Attribute():
            name = _dotted(node)
            if name not in facts:
                raise ConditionError(f"`{name}` is not known on this page")
            return facts[name]
        case ast.Name(id=word):
            return _TRUTH_WORDS.get(word, word)
        case ast.Constant(value=(bool() | int() | float() | str()) as constant):
            return constant
        case ast.UnaryOp(operand=ast.Constant(value=(int() | float()) as number)):
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            values = [_value(item, facts) for item in items]
            return tuple(value for value in values if not isinstance(value, tuple))
        case _:
            raise ConditionError(f"`{ast.unparse(node)}` has no value")

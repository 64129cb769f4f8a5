"""What a checked expression reads and calls, from the form that it is serialised in.

That form is the protocol buffer `cel.expr.CheckedExpr` (cel-spec, proto/cel/expr/checked.proto and
syntax.proto) inside a `google.protobuf.Any`. The few fields that matter are read here by their
numbers, so that no protobuf library has to be installed for four questions: which names are read,
how deep loops are nested, how often texts and lists are joined, and what functions are given as
constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types (protobuf encoding, "Message Structure")."""
_LONG_VARINT: Final = 70

_ANY_VALUE: Final = 2
_REFERENCES, _EXPRESSION, _SOURCE = 2, 4, 5
_KEY, _VALUE = 1, 2
_NAME, _OVERLOAD = 1, 3
_POSITIONS: Final = 4
_ID, _CONSTANT, _IDENT, _CALL, _LOOP = 2, 3, 4, 6, 9
_STRING: Final = 6
_FUNCTION, _TARGET, _ARGUMENTS = 2, 1, 3
_STEPS: Final = (5, 6)
"""The condition and the step of a loop: what is done for each item."""
_INNER: Final = {
    5: (1,),  # select: operand
    _CALL: (_TARGET, _ARGUMENTS),
    7: (1,),  # list: elements
    8: (2,),  # struct, map: entries
    _LOOP: (2, 4, *_STEPS, 7),
}
"""By kind of expression, the fields that hold further ones."""
_ENTRY: Final = 8
_OF_ENTRY: Final = (3, 4)
_JOINS: Final = frozenset({"add_string", "add_bytes", "add_list"})

Field = tuple[int, int | bytes]


class Text(NamedTuple):
    """A constant text, and its 0-based offset in the expression."""

    value: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function, with its target (if any) as the first argument."""

    function: str
    offset: int
    texts: tuple[Text | None, ...]
    """Its arguments; None for those that are no constant text."""
    names: tuple[str, ...]
    """The same: the name of each that is one, empty for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What there is to know of an expression before it is ever asked."""

    names: frozenset[str]
    """What it refers to: variables, and the items of its loops."""
    functions: frozenset[str]
    """The ids of the overloads that it calls: `add_string`, `to_dyn`."""
    joins: int
    """How often it joins two texts or lists, those of the loops themselves included."""
    nesting: int
    """How deep loops stand in each other; 0: there is none."""
    calls: tuple[Call, ...]


def read_checked(serialised: bytes) -> Checked:
    """Read a serialised expression.

    Raises:
        ValueError: it is not in that form.
    """
    whole = _parts(_one(serialised, _ANY_VALUE))
    references = [_parts(each) for each in whole.get(_REFERENCES, ())]
    told = [_parts(each[_VALUE][0]) for each in references]
    overloads = [str(name, "utf-8") for each in told for name in each.get(_OVERLOAD, ())]
    names = {
        str(name, "utf-8") for each in told if _OVERLOAD not in each for name in each.get(_NAME, ())
    }
    positions = _positions(whole)
    loops, calls = 0, []
    for expression, depth in _walk(_first(whole, _EXPRESSION)):
        loops = max(loops, depth)
        if _CALL in expression:
            calls.append(_call(expression, positions))
    return Checked(
        names=frozenset(names),
        functions=frozenset(overloads),
        joins=sum(each in _JOINS for each in overloads),
        nesting=loops,
        calls=tuple(calls),
    )


Parts = dict[int, list[bytes]]
"""The length-delimited fields of a message; numbers are kept as their decimal digits."""


def _walk(root: bytes) -> Iterator[tuple[Parts, int]]:
    """Give every expression of a tree with the number of loops that it is repeated by."""
    waiting = [(root, 0)]
    while waiting:
        serialised, depth = waiting.pop()
        expression = _parts(serialised)
        yield expression, depth
        for kind, fields in _INNER.items():
            for body in expression.get(kind, ()):
                inner = _parts(body)
                for number in fields:
                    deeper = depth + (kind == _LOOP and number in _STEPS)
                    held = inner.get(number, [])
                    if kind == _ENTRY:
                        held = [
                            part
                            for entry in held
                            for which in _OF_ENTRY
                            for part in _parts(entry).get(which, ())
                        ]
                    waiting.extend((each, deeper) for each in held)


def _call(expression: Parts, positions: dict[int, int]) -> Call:
    body = _parts(expression[_CALL][0])
    given = [_parts(each) for each in (*body.get(_TARGET, ()), *body.get(_ARGUMENTS, ()))]
    return Call(
        function=str(_first(body, _FUNCTION), "utf-8"),
        offset=_place(expression, positions),
        texts=tuple(_text(each, positions) for each in given),
        names=tuple(_name(each) for each in given),
    )


def _text(expression: Parts, positions: dict[int, int]) -> Text | None:
    for constant in expression.get(_CONSTANT, ()):
        for value in _parts(constant).get(_STRING, ()):
            return Text(str(value, "utf-8"), _place(expression, positions))
    return None


def _name(expression: Parts) -> str:
    for ident in expression.get(_IDENT, ()):
        return str(_one(ident, _NAME), "utf-8")
    return ""


def _place(expression: Parts, positions: dict[int, int]) -> int:
    return positions.get(int(expression.get(_ID, [b"0"])[0]), 0)


def _positions(whole: Parts) -> dict[int, int]:
    held = (_parts(each) for each in _parts(_first(whole, _SOURCE)).get(_POSITIONS, ()))
    return {int(_first(each, _KEY)): int(each.get(_VALUE, [b"0"])[0]) for each in held}


def _one(message: bytes, number: int) -> bytes:
    return _first(_parts(message), number)


def _first(parts: Parts, number: int) -> bytes:
    if number not in parts:
        raise ValueError(f"field {number} is missing")
    return parts[number][0]


def _parts(message: bytes) -> Parts:
    parts: Parts = {}
    for number, value in _fields(message):
        held = value if isinstance(value, bytes) else b"%d" % value
        parts.setdefault(number, []).append(held)
    return parts


def _fields(message: bytes) -> Iterator[Field]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind, len(message))
        if place + size > len(message):
            raise ValueError("a field is cut off")
        yield number, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < _LONG_VARINT:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, place
    raise ValueError("a number is cut off")

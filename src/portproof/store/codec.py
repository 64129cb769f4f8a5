"""Values of the model as JSON and back, without loss.

One rule per type; a dataclass is an object with its fields by name. What a stored record looks
like therefore follows the model's field names: `tests/store/golden/` pins it, so that renaming
a field shows up as a change of the format.

==================  ==============================================================
bool, str, None     as they are; an enumeration as its value
int                 a number; beyond ±(2^53 - 1), which JSON readers round, decimal text
datetime            RFC 3339 in UTC with microseconds: `2026-11-21T08:00:00.000000Z`
address, network    as printed
PortSet             as printed: `22,80,1000-2000`, `-` for 1 to 65535, empty for none
tuple               an array
Mapping             an object, by the keys' text
dataclass           an object, all fields; a field that is missing takes its default
==================  ==============================================================
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from portproof.errors import EvidenceError
from portproof.evidence.canonical import HIGHEST_INTEGER, Json
from portproof.model.ports import PortSet

T = TypeVar("T")


def encode(kind: type[T], value: T) -> Json:
    """Give the JSON form of a value, which is of the type `kind` or of what its hints say.

    Raises:
        EvidenceError: a time without zone.
        TypeError: a type of the model that has no rule here.
    """
    return _form_of(cast("Hashable", kind)).encode(value)


def decode(kind: type[T], value: Json) -> T:
    """Read a value back from its JSON form.

    Raises:
        EvidenceError: the JSON is not the form of such a value.
        TypeError: a type of the model that has no rule here.
    """
    form = _form_of(cast("Hashable", kind))
    try:
        return cast("T", form.decode(value))
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"a stored {kind.__name__} cannot be read: {fault}") from fault


def encode_fields(kind: type[T], value: T, *, without: Collection[str]) -> dict[str, Json]:
    """Give the fields of a dataclass by name, less some that are kept elsewhere.

    Raises:
        EvidenceError: a time without zone.
    """
    hints = _hints(cast("Hashable", kind))
    return {
        each.name: _form_of(hints[each.name]).encode(getattr(value, each.name))
        for each in fields(cast("Any", kind))
        if each.name not in without
    }


def decode_fields(kind: type[T], stored: Mapping[str, Json], **elsewhere: Any) -> T:
    """Read a dataclass back from the fields that were kept, and those that were kept elsewhere.

    Raises:
        EvidenceError: the JSON is not the form of such a value.
    """
    hints = _hints(cast("Hashable", kind))
    try:
        read = {name: _form_of(hints[name]).decode(each) for name, each in stored.items()}
        return kind(**read, **elsewhere)
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"a stored {kind.__name__} cannot be read: {fault}") from fault


def instant_text(at: datetime) -> str:
    """Print a time as RFC 3339 in UTC with microseconds, so that text order is time order.

    Raises:
        EvidenceError: the time has no zone, so that nobody knows when it was.
    """
    if at.tzinfo is None:
        raise EvidenceError(f"the time {at.isoformat()} has no zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant_from(text: str) -> datetime:
    """Read a time that `instant_text` printed.

    Raises:
        ValueError: it is no such text.
    """
    if not text.endswith("Z"):
        raise ValueError(f"{text!r} is no time in UTC")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


def ports_from(text: str) -> PortSet:
    """Read a port set that `str` printed; unlike in a specification, port 0 may occur.

    Raises:
        ValueError: it is no such text.
    """
    if text == "-":
        return PortSet.all_ports()
    pairs = (part.partition("-") for part in text.split(",") if part)
    return PortSet.from_ranges((int(low), int(high or low)) for low, _, high in pairs)


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of one type are written and read."""

    encode: Callable[[Any], Json]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _whole(value: int) -> Json:
    return value if abs(value) <= HIGHEST_INTEGER else str(value)


_FORMS: dict[Any, _Form] = {
    bool: _Form(_same, _same),
    str: _Form(_same, _same),
    type(None): _Form(_same, _same),
    int: _Form(_whole, int),
    datetime: _Form(instant_text, instant_from),
    PortSet: _Form(str, ports_from),
    IPv4Address: _Form(str, IPv4Address),
    IPv6Address: _Form(str, IPv6Address),
    IPv4Network: _Form(str, IPv4Network),
    IPv6Network: _Form(str, IPv6Network),
    frozenset((IPv4Address, IPv6Address)): _Form(str, ip_address),
    frozenset((IPv4Network, IPv6Network)): _Form(str, ip_network),
}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Resolve the hints of a type once: half the time of writing many judgements went there."""
    return get_type_hints(kind)


@cache
def _form_of(kind: Hashable) -> _Form:
    if kind in _FORMS:
        return _FORMS[kind]
    if is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Form(lambda member: member.value, kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(frozenset(arguments))
    if origin is tuple:
        return _array(arguments)
    if origin is Mapping:
        return _members(*arguments)
    raise TypeError(f"{kind} has no stored form: give it a rule in store/codec.py")


def _object(kind: Any) -> _Form:
    """Write a dataclass; fields are read by their hints, which are resolved once per type."""
    hints = get_type_hints(kind)
    forms = {each.name: _form_of(hints[each.name]) for each in fields(kind)}
    names, values = tuple(forms), _fields_of(tuple(forms))
    # Most fields are text or numbers that stay as they are: only the others are gone through.
    told = [(name, form.encode) for name, form in forms.items() if form.encode is not _same]
    untold = [(name, form.decode) for name, form in forms.items() if form.decode is not _same]

    def written(value: Any) -> Json:
        stored = dict(zip(names, values(value), strict=True))
        for name, encoded in told:
            stored[name] = encoded(stored[name])
        return stored

    def read(stored: Mapping[str, Json]) -> Any:
        if unknown := stored.keys() - forms.keys():
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        values = dict(stored)
        for name, decoded in untold:
            if name in values:
                values[name] = decoded(values[name])
        return kind(**values)

    return _Form(written, read)


def _fields_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Give what reads the fields of an object at once."""
    if len(names) == 1:
        return lambda value: (getattr(value, names[0]),)
    return attrgetter(*names)


def _union(kinds: frozenset[Any]) -> _Form:
    """Write a value or None, or one of two kinds of address."""
    some = kinds - {type(None)}
    form = _FORMS[some] if some in _FORMS else _form_of(*some)
    if some == kinds or form.encode is form.decode is _same:
        return form
    return _Form(
        lambda value: None if value is None else form.encode(value),
        lambda stored: None if stored is None else form.decode(stored),
    )


def _array(arguments: tuple[Any, ...]) -> _Form:
    """Write a tuple of any length, which is the only kind the model has."""
    each, dots = arguments
    if dots is not Ellipsis:
        raise TypeError(f"tuple[{each}, {dots}] has no stored form")
    form = _form_of(each)
    return _Form(
        lambda value: [form.encode(item) for item in value],
        lambda stored: tuple(form.decode(item) for item in stored),
    )


def _members(key: Any, item: Any) -> _Form:
    """Write a mapping from text or enumerations; it is read in the order of its keys' text."""
    by, form = _form_of(key), _form_of(item)
    return _Form(
        lambda value: {str(by.encode(name)): form.encode(each) for name, each in value.items()},
        lambda stored: {by.decode(name): form.decode(each) for name, each in stored.items()},
    )

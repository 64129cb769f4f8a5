"""The base of all shapes, and the field types that more than one document uses.

A shape says which keys a document has and what kind of value each takes; pydantic checks it and
makes the JSON Schema of it, whose descriptions are the docstrings of the fields. Nothing is
coerced: text is not a number, and `yes` is not true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.types import StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from portproof.documents.wording import found
from portproof.errors import SpecificationError
from portproof.model.endpoint import Address, Endpoint, Transport
from portproof.model.targetspec import AddressTarget, NameTarget, TargetSpec, parse_target

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

ID_PATTERN: Final = "^[a-z0-9][a-z0-9._-]{0,63}$"

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339 §5.6, with its zone: a time without one means another instant to each reader.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
# Beyond these years a date is a typing mistake, or "for ever", which no approval is.
_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2199
_NUMBER_PAIR: Final = re.compile(r"[0-9]+(:[0-9]+)+")


class Shape(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A field read by a function of ours, which may raise `refuse(...)`, with its JSON Schema."""

    read: Callable[[object], object]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)


class _OneOrMany:
    """Lets a single value stand for a list of one."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def refuse(problem: str, inside: int = 0) -> PydanticCustomError:
    """Make the error of a field function; `inside` is an offset in the value's text."""
    return PydanticCustomError("portproof", "{problem}", {"problem": problem, "inside": inside})


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise refuse(f"expected {expected}, found {found(value)}")
    return value


def _day(value: object) -> date:
    text = _text(value, "a date as 2026-11-30")
    if not _DAY.fullmatch(text):
        raise refuse(f"expected a date as 2026-11-30, found {found(value)}")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise refuse(f"there is no day {text} in the calendar") from None
    return _in_range(day)


def _in_range(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise refuse(f"the year {day.year:04d} is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return day


def _moment(value: object) -> datetime | None:
    """Read an RFC 3339 instant as UTC; None when the value is a bare date."""
    text = _text(value, "a date as 2026-11-30 or a time as 2026-11-30T18:00:00Z")
    matched = _INSTANT.fullmatch(text)
    if not matched:
        return None
    if not matched["zone"]:
        raise refuse(f"the time zone is missing; write {text}Z for UTC, or {text}+01:00", len(text))
    if text[17:19] == "60":
        raise refuse(
            f"{text} is a leap second, which no clock here counts; write second 59, or the "
            "first instant of the next minute"
        )
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        raise refuse(f"there is no instant {text} in the calendar") from None
    _in_range(instant)
    return instant.astimezone(UTC)


def _from(value: object) -> datetime:
    return _moment(value) or datetime.combine(_day(value), time(), UTC)


def _until(value: object) -> datetime:
    # A bare date counts to its end: the first instant outside is 00:00 of the next day.
    return _moment(value) or datetime.combine(_day(value), time(), UTC) + timedelta(days=1)


def _port_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        raise refuse(
            "expected ports (22, 80-90, U:53), found a mapping; a pair such as 22: 22 is no port, "
            "and T:22 is written without a space"
        )
    text = _text(value, "ports (22, 80-90, U:53)")
    if _NUMBER_PAIR.fullmatch(text.strip()):
        raise refuse(
            f"{text} is a bare pair of numbers, which some YAML readers take for one number in "
            "base 60; write a range as 22-23, a list as 22,23, and a port map as its outer port"
        )
    return text


def _host(value: object) -> TargetSpec:
    text = _text(value, "an address, a network or a host name")
    try:
        target = parse_target(text)
    except SpecificationError as error:
        raise refuse(error.problem, error.position) from None
    if target.ports is not None:
        raise refuse("no ports here; they stand under 'ports'")
    return target


def _numeric_host(value: object) -> TargetSpec:
    target = _host(value)
    if isinstance(target, NameTarget):
        raise refuse(f"expected an address or a network, found the name {target.name!r}")
    return target


def _address(value: object) -> Address:
    target = _host(value)
    if not isinstance(target, AddressTarget):
        raise refuse(f"expected one address, found {found(value)}")
    return target.address


def _target(value: object) -> TargetSpec:
    text = _text(value, "an address, a network or a host name")
    try:
        return parse_target(text)
    except SpecificationError as error:
        raise refuse(error.problem, error.position) from None


def _endpoint(value: object) -> Endpoint:
    target = _target(value)
    if not isinstance(target, AddressTarget):
        raise refuse("expected one address and port, as 192.0.2.10:443 or [2001:db8::10]:443")
    if target.ports is None or len(target.ports) != 1:
        raise refuse(f"expected exactly one port after the address, as {target.address}:443")
    return Endpoint(target.address, Transport.TCP, target.ports.nth(0))


Id: TypeAlias = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
OneOrMore: TypeAlias = Annotated[list[T], _OneOrMany(), Field(min_length=1)]
Chosen: TypeAlias = Annotated[E, Field(strict=False)]
Day: TypeAlias = Annotated[date, Parsed(_day, {"type": "string", "format": "date"})]

_TIMES: Final = {
    "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
}
From: TypeAlias = Annotated[datetime, Parsed(_from, _TIMES)]
Until: TypeAlias = Annotated[datetime, Parsed(_until, _TIMES)]
PortText: TypeAlias = Annotated[
    str,
    Parsed(
        _port_text,
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string"}]},
    ),
]
Host: TypeAlias = Annotated[TargetSpec, Parsed(_host, {"type": "string"})]
NumericHost: TypeAlias = Annotated[TargetSpec, Parsed(_numeric_host, {"type": "string"})]
Target: TypeAlias = Annotated[TargetSpec, Parsed(_target, {"type": "string"})]
OneAddress: TypeAlias = Annotated[Address, Parsed(_address, {"type": "string"})]
OneEndpoint: TypeAlias = Annotated[
    Endpoint,
    Parsed(_endpoint, {"type": "string", "examples": ["192.0.2.10:443", "[2001:db8::10]:443"]}),
]

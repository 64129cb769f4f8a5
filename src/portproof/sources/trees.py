"""Looking into JSON and YAML that strangers wrote: nothing in it has to be of the kind it should be.

Each function gives an empty value where something else stands; what is then missing is told by
`Gathering.add`, which refuses an asset without an id or a host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HIGHEST: Final = 65_535
_MOST_DIGITS: Final = 5


def mapping(value: object) -> Mapping[str, Any]:
    """Give a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def each_in(value: object) -> list[Any]:
    """Give the items of a list, or none."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Give a text or a whole number as text; empty for anything else."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def at(value: object, *keys: str) -> Any:
    """Give what stands under keys within keys; None where there is nothing."""
    for key in keys:
        value = mapping(value).get(key)
    return value


def text_at(value: object, *keys: str) -> str:
    """Give the text under keys within keys, or an empty one."""
    return text(at(value, *keys))


def texts(value: object) -> list[str]:
    """Give the texts of a list."""
    return [each for each in map(text, each_in(value)) if each]


def port_number(value: object) -> int | None:
    """Give a port of 1 to 65535, written as a number or as text; None where it is none."""
    written = text(value)
    if not (written.isascii() and written.isdecimal()) or len(written) > _MOST_DIGITS:
        return None
    number = int(written)
    return number if 0 < number <= _HIGHEST else None

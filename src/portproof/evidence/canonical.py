"""Canonical JSON: equal values, equal bytes, on every machine and in every language.

RFC 8785 (JCS), restricted to what evidence needs: objects, arrays, strings, booleans, null and
whole numbers up to ±(2^53 - 1), the range that every JSON reader carries exactly (RFC 7493 §2.2).
Fractions are left out on purpose: their printing is the hard part of RFC 8785, and the reason
why two implementations may disagree. Durations are whole milli- or microseconds instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from portproof.errors import EvidenceError

Json: TypeAlias = "Mapping[str, Json] | list[Json] | tuple[Json, ...] | str | int | bool | None"
"""A value that has a canonical form; a `bool` is written as such, not as a number."""

HIGHEST_INTEGER: Final = 2**53 - 1
"""The largest whole number that an IEEE 754 double carries exactly (RFC 8785 §3.2.2.3)."""


# Keys in the order of code points are in that of code units too, where all are ASCII.
_SORTING = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_AS_IT_COMES = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def canonical(value: Json) -> bytes:
    """Give the one UTF-8 text of a value: no spaces, keys in the order of their UTF-16 code units.

    Raises:
        TypeError: a type that has no canonical form here (a float, bytes, a key that is no text).
        EvidenceError: a whole number beyond ±(2^53 - 1), or text that is not Unicode (a lone
            surrogate).
    """
    try:
        written = _SORTING(value) if _is_plain(value) else _AS_IT_COMES(_ordered(value))
        return written.encode()
    except UnicodeEncodeError as fault:
        problem = f"text with a lone surrogate (U+{ord(fault.object[fault.start]):04X})"
        raise EvidenceError(f"{problem} has no canonical JSON form: decode bytes first") from fault


def canonical_with(value: Mapping[str, Json], lists: Mapping[str, Iterable[bytes]]) -> bytes:
    """Give the canonical text of an object some members of which are lists already written.

    `lists` are the canonical texts of their elements, by the names of the members.

    Raises:
        TypeError: as `canonical`.
        EvidenceError: as `canonical`.
    """
    members = {name: canonical(each) for name, each in value.items()}
    members |= {name: b"[" + b",".join(each) + b"]" for name, each in lists.items()}
    told = (canonical(name) + b":" + members[name] for name in _in_order(members))
    return b"{" + b",".join(told) + b"}"


def digest(value: Json) -> str:
    """Give the SHA-256 of a value's canonical form, lower-case hex.

    Raises:
        TypeError: as `canonical`.
        EvidenceError: as `canonical`.
    """
    return digest_of(canonical(value))


def digest_of(data: bytes) -> str:
    """Give the SHA-256 of bytes, lower-case hex: what canonical bytes are addressed by."""
    return hashlib.sha256(data).hexdigest()


def _is_plain(value: Json) -> bool:
    """Whether json.dumps itself writes a value canonically: ASCII keys, and no rare types.

    What is not plain may be canonical all the same, or have no canonical form: `_ordered` tells.
    """
    left: list[Json] = [value]
    while left:
        each = left.pop()
        if isinstance(each, str) or each is None or each is True or each is False:
            continue
        if isinstance(each, dict):
            if not _has_ascii_keys(each):
                return False
            # Most values are text: they are not even looked at one by one.
            left += [one for one in each.values() if type(one) is not str]
        elif isinstance(each, list | tuple):
            left.extend(each)
        elif type(each) is not int or abs(each) > HIGHEST_INTEGER:
            return False
    return True


def _has_ascii_keys(value: Mapping[str, Json]) -> bool:
    try:
        return "".join(value).isascii()
    except TypeError:  # a key that is no text
        return False


def _ordered(value: Json) -> Json:
    """Check a value and put its keys in order; json.dumps escapes text as RFC 8785 §3.2.2.2 asks."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return _in_range(int(value))
        case list() | tuple():
            return [_ordered(each) for each in value]
        case Mapping():
            return {key: _ordered(value[key]) for key in _in_order(value)}
    raise TypeError(f"a {type(value).__name__} has no canonical JSON form: {value!r:.60}")


def _in_range(number: int) -> int:
    if abs(number) > HIGHEST_INTEGER:
        raise EvidenceError(f"{number} is beyond 2^53 - 1: write it as text")
    return number


def _in_order(keys: Iterable[str]) -> list[str]:
    """Sort by UTF-16 code units (RFC 8785 §3.2.3): a pair of surrogates comes before U+E000."""
    names = list(keys)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the key {name!r:.60} of a JSON object is not text")
    # Code points and code units have one order up to U+D7FF, and our own keys are ASCII.
    if "".join(names).isascii():
        return sorted(names)
    return sorted(names, key=lambda name: name.encode("utf-16-be"))

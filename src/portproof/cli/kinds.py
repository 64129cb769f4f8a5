"""Kinds of values that nmap's options take; each reader raises ValueError with what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import click

from portproof.model.endpoint import Transport
from portproof.plan.timing import TEMPLATES, Template, template_of

Given: TypeAlias = str | tuple[str, ...] | None
"""What click hands over: None for an option that was not given, a tuple for one that may repeat."""

ENGINE_OF_LETTER: Final = {"T": "connect", "S": "syn"}
"""The engine that each letter of `-s` means for TCP."""

_UNITS_MS: Final = {None: 1_000, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_DURATION: Final = re.compile(r"(\d{1,7})(ms|s|m|h)?", re.ASCII)
_ELSEWHERE: Final = {
    "n": "-sn (hosts only, no ports) is not offered: that a host is there is no exposure",
    "L": "-sL is written --dry-run here",
}


def reading(
    read: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, Given], object]:
    """Give the click callback that reads each value by `read`, and says what is wrong with it."""

    def read_each(ctx: click.Context, parameter: click.Parameter, given: Given) -> object:
        if given is None:
            return None
        try:
            return tuple(map(read, given)) if isinstance(given, tuple) else read(given)
        except ValueError as fault:
            raise click.BadParameter(str(fault), ctx, parameter) from None

    return read_each


def duration_ms(text: str) -> int:
    """Read a time as nmap writes it: `900` or `900s`, `1500ms`, `30m`, `2h`.

    Raises:
        ValueError: it is none, or zero.
    """
    found = _DURATION.fullmatch(text)
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no time; write 1500ms, 900s, 30m or 2h")
    return int(found[1]) * _UNITS_MS[found[2]]


def template(text: str) -> Template:
    """Read a timing template, by its number or name.

    Raises:
        ValueError: there is none of that number or name.
    """
    try:
        return template_of(text)
    except KeyError:
        names = ", ".join(f"{number} {each.name}" for number, each in enumerate(TEMPLATES))
        raise ValueError(f"{text!r} is no template; there are {names}") from None


def scan_types(text: str) -> frozenset[str]:
    """Read what stands behind `-s`: the letters T, S and U, alone or together.

    V is accepted and left out: services are always asked what they are.

    Raises:
        ValueError: there is another letter.
    """
    letters = frozenset(text) - {"V"}
    for letter in sorted(letters - set("TSU")):
        problem = f"-s{letter} is not offered; there are -sT, -sS, -sU and -sTU, -sSU"
        raise ValueError(_ELSEWHERE.get(letter, problem))
    return letters


def transports_of(letters: frozenset[str]) -> tuple[Transport, ...]:
    """Give the transports that the letters of `-s` ask for; TCP and UDP for none."""
    if not letters:
        return tuple(Transport)
    asked = {Transport.UDP if each == "U" else Transport.TCP for each in letters}
    return tuple(each for each in Transport if each in asked)

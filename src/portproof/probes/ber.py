"""The part of BER that SNMP is written in: tags of one byte, lengths of up to three.

Source: ITU-T X.690 §8.1 (the documentation of tag, length and contents), §10.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
OBJECT_ID: Final = 0x06
SEQUENCE: Final = 0x30
_LONG: Final = 0x80
_MOST_LENGTH_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, and its contents without tag and length."""

    tag: int
    contents: bytes

    @property
    def number(self) -> int:
        """The contents as a signed integer."""
        return int.from_bytes(self.contents, signed=True)

    def parts(self) -> tuple[Element, ...]:
        """Give the elements inside; empty when the contents are no whole elements."""
        return parse(self.contents)


def encode(tag: int, *contents: bytes) -> bytes:
    """Write an element."""
    body = b"".join(contents)
    if len(body) < _LONG:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, _LONG | len(length)]) + length + body


def integer(number: int) -> bytes:
    """Write a non-negative integer in the fewest bytes."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def parse(data: bytes) -> tuple[Element, ...]:
    """Read elements one after the other; empty when they do not fill the bytes exactly."""
    try:
        return tuple(_elements(data))
    except ValueError:
        return ()


def _elements(data: bytes) -> Iterator[Element]:
    position = 0
    while position < len(data):
        tag, length = data[position], int.from_bytes(data[position + 1 : position + 2])
        begin = position + 2
        if length >= _LONG:
            count = length - _LONG
            length = int.from_bytes(data[begin : begin + count])
            begin += count
            if not 1 <= count <= _MOST_LENGTH_BYTES:
                raise ValueError("an indefinite or a huge length")
        position = begin + length
        if begin > len(data) or position > len(data):
            raise ValueError("the bytes end inside an element")
        yield Element(tag, data[begin:position])

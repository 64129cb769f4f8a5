"""Sets of port numbers: what a host shows, what is approved, and the difference.

A `PortSet` is a compressed bitmap (Roaring): all 65535 ports take a few bytes, and union,
intersection and difference cost the same for one port as for all. That is what lets a policy
compare observed with approved ports as sets, instead of looping over them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyroaring import BitMap, FrozenBitMap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HIGHEST_PORT: Final = 65535
"""The largest port number: ports are 16 bits wide (RFC 9293 §3.1, RFC 768)."""


@dataclass(frozen=True, slots=True, repr=False)
class PortSet:
    """A set of port numbers, 0 to 65535, of one transport; iterates in ascending order.

    Number 0 can be stored, because packets can carry it, but no specification can ask for it
    (RFC 6335 §6 reserves it).
    """

    _bits: FrozenBitMap

    def __post_init__(self) -> None:
        if self._bits and self._bits.max() > HIGHEST_PORT:
            raise ValueError(f"port {self._bits.max()} is not between 0 and {HIGHEST_PORT}")

    @classmethod
    def empty(cls) -> PortSet:
        """Give the set without ports."""
        return _EMPTY

    @classmethod
    def all_ports(cls) -> PortSet:
        """Give the ports 1 to 65535."""
        return _ALL_PORTS

    @classmethod
    def of(cls, *numbers: int) -> PortSet:
        """Give the set of the numbers listed.

        Raises:
            ValueError: a number is not between 0 and 65535.
        """
        return cls.from_iterable(numbers)

    @classmethod
    def from_iterable(cls, numbers: Iterable[int] | NDArray[np.integer]) -> PortSet:
        """Give the set of the numbers in an iterable or a NumPy column of integers.

        Raises:
            ValueError: a number is not between 0 and 65535.
            TypeError: an element is not an integer.
        """
        # An array refuses 1.5, which the bitmap would truncate; both copy it at the speed of C.
        try:
            column = array("I", getattr(numbers, "tolist", numbers.__iter__)())
        except OverflowError:
            raise ValueError(f"a port is not between 0 and {HIGHEST_PORT}") from None
        return cls(FrozenBitMap(column))

    @classmethod
    def from_ranges(cls, ranges: Iterable[tuple[int, int]]) -> PortSet:
        """Give the union of ranges; both ends are included, and ranges may overlap.

        Raises:
            ValueError: an end is not between 0 and 65535, or a range runs backwards.
        """
        bits = BitMap()
        for first, last in ranges:
            if first > last:
                raise ValueError(f"the port range {first}-{last} runs backwards")
            bits.add_range(_checked(first), _checked(last) + 1)
        return cls(FrozenBitMap(bits))

    def __or__(self, other: PortSet) -> PortSet:
        return PortSet(self._bits | other._bits)

    def __and__(self, other: PortSet) -> PortSet:
        return PortSet(self._bits & other._bits)

    def __sub__(self, other: PortSet) -> PortSet:
        return PortSet(self._bits - other._bits)

    def __xor__(self, other: PortSet) -> PortSet:
        return PortSet(self._bits ^ other._bits)

    def __le__(self, other: PortSet) -> bool:
        return self._bits.issubset(other._bits)

    def __contains__(self, number: int) -> bool:
        return 0 <= number <= HIGHEST_PORT and number in self._bits

    def __len__(self) -> int:
        return len(self._bits)

    def __iter__(self) -> Iterator[int]:
        return iter(self._bits)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Give the fewest ranges that make up the set: ascending, both ends included."""
        # A range starts where the set shifted up by one has a gap, and ends likewise.
        firsts = self._bits - self._bits.shift(1)
        lasts = self._bits - self._bits.shift(-1)
        return tuple(zip(firsts, lasts, strict=True))

    def nth(self, position: int) -> int:
        """Give the port at a position in ascending order, counted from 0.

        Raises:
            IndexError: the position is negative or not below the number of ports.
        """
        if not 0 <= position < len(self):
            raise IndexError(f"there is no port at position {position} among {len(self)}")
        return self._bits[position]

    def to_array(self) -> NDArray[np.uint16]:
        """Give the ports, ascending, as a new NumPy column."""
        import numpy as np  # noqa: PLC0415 - the command line must start without NumPy

        return np.asarray(self._bits.to_array(), dtype=np.uint16)

    def __str__(self) -> str:
        """Print as in a port specification: `22,80,1000-2000`, `-` for 1 to 65535, else ``."""
        if self == _ALL_PORTS:
            return "-"
        return ",".join(
            str(first) if first == last else f"{first}-{last}" for first, last in self.ranges()
        )

    def __repr__(self) -> str:
        return f"<PortSet {str(self) or 'empty'}>"


def _checked(number: int) -> int:
    if not 0 <= number <= HIGHEST_PORT:
        raise ValueError(f"port {number} is not between 0 and {HIGHEST_PORT}")
    return number


_EMPTY: Final = PortSet(FrozenBitMap())
_ALL_PORTS: Final = PortSet.from_ranges([(1, HIGHEST_PORT)])

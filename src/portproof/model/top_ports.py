"""The ports worth asking first, ranked: what `--top-ports` chooses from."""

from __future__ import annotations

from dataclasses import dataclass

from portproof.errors import SpecificationError
from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.portspec import InForce, PortSpec, placed_in, read_number, split_at

_LETTERS = {"T": Transport.TCP, "U": Transport.UDP}


@dataclass(frozen=True, slots=True)
class TopPorts:
    """Ports by rank, the first the most worth asking; each once per transport.

    The ranking is judgement, and its file says whose and from what.
    """

    tcp: tuple[int, ...]
    udp: tuple[int, ...]

    def ranked(self, transport: Transport) -> tuple[int, ...]:
        """Give the ports of one transport by rank."""
        match transport:
            case Transport.TCP:
                return self.tcp
            case Transport.UDP:
                return self.udp

    def chosen(self, text: str, bare: InForce) -> PortSpec:
        """Give the ports for `100` (of each transport in `bare`) or `T:100,U:20`.

        Raises:
            SpecificationError: it does not parse, or asks for more than are ranked.
        """
        counts = dict.fromkeys(Transport, 0)
        for offset, item in split_at(",", text):
            with placed_in(text, offset):
                letter, colon, number = item.strip().rpartition(":")
                transports = _transports(item, letter) if colon else bare
                for each in transports:
                    counts[each] = self._count(number, each)
        return PortSpec(*(PortSet.of(*self.ranked(each)[: counts[each]]) for each in Transport))

    def _count(self, number: str, transport: Transport) -> int:
        noun = f"a number of {transport} ports (the table ranks no more)"
        return read_number(number, 1, len(self.ranked(transport)), noun)


def _transports(item: str, letter: str) -> InForce:
    known = _LETTERS.get(letter.upper())
    if known is None:
        problem = "write a number, or T: (TCP) and U: (UDP) with one: T:100,U:20"
        raise SpecificationError(item, 0, problem)
    return (known,)

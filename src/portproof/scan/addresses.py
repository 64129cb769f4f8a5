"""The addresses of a plan's hosts, without a list of them beside the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from portproof.model.endpoint import Address
from portproof.model.scan import PlannedHost


class Addresses(Sequence[Address]):
    """The addresses of hosts, by their index."""

    def __init__(self, hosts: Sequence[PlannedHost]) -> None:
        self._hosts = hosts

    def __len__(self) -> int:
        return len(self._hosts)

    @overload
    def __getitem__(self, index: int) -> Address: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Address]: ...
    def __getitem__(self, index: int | slice) -> Address | Sequence[Address]:
        if isinstance(index, slice):
            return tuple(host.address for host in self._hosts[index])
        return self._hosts[index].address

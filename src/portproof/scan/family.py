"""The socket family of an address."""

from __future__ import annotations

import socket
from typing import Final

from portproof.model.endpoint import Address

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


def family_of(address: Address) -> socket.AddressFamily:
    """Give the family that a socket towards the address needs."""
    return _FAMILIES[address.version]

"""Names to addresses through the system's resolver, both families."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address

from portproof.model.endpoint import Address


class SystemResolver:
    """getaddrinfo(3): hosts file, DNS, whatever this machine is set up to use."""

    def resolve(self, name: str) -> tuple[Address, ...]:
        """Give every address of the name, IPv4 first, without duplicates or scoped addresses.

        Raises:
            LookupError: the name does not resolve, with the resolver's own words.
        """
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as failure:
            words = failure.strerror if isinstance(failure, OSError) else None
            raise LookupError(f"{name}: {words or failure}") from failure
        texts = [str(sockaddr[0]) for *_, sockaddr in answers]
        found = dict.fromkeys(_plain(ip_address(text)) for text in texts if "%" not in text)
        if not found:
            raise LookupError(f"{name}: the resolver gave no usable address")
        return tuple(sorted(found, key=lambda each: (each.version, int(each))))


def _plain(address: Address) -> Address:
    """Give an IPv4-mapped address (RFC 4291 §2.5.5.2) as IPv4, for that is where packets would go."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

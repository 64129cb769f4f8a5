"""A whole zone by zone transfer: AXFR over TCP (RFC 5936), signed with TSIG (RFC 8945) if need be.

Each name with addresses is a target; an alias (CNAME) to one of them is a further name of it, and an
alias that leads out of the zone a target of its own, of which only the name is known.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Final

import dns.exception
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.xfr

from portproof.errors import SettingsError
from portproof.model.source import TransferOptions
from portproof.sources.gathering import Found, Gathering, line

_ADDRESSES: Final = frozenset({dns.rdatatype.A, dns.rdatatype.AAAA})
_LARGEST_RECORD: Final = 16
"""Octets that no record on the wire is below: a bound on what a transfer of that many bytes holds."""


def fill(gathering: Gathering, options: TransferOptions) -> None:
    """List every name of the zone that has addresses, or is an alias of one outside.

    Raises:
        SourceError: the server refuses, does not answer, or the transfer breaks off.
    """
    gathering.reading(f"zone {options.zone} at {options.server} port {options.port}")
    addresses: dict[str, list[str]] = {}
    aliases: dict[str, list[str]] = {}
    for records in _transferred(gathering, options):
        owner = _text(records.name)
        if records.rdtype in _ADDRESSES:
            addresses.setdefault(owner, []).extend(each.to_text() for each in records)
        elif records.rdtype == dns.rdatatype.CNAME:
            for each in records:
                aliases.setdefault(_text(dns.name.from_text(each.to_text())), []).append(owner)
    attributes = {"zone": options.zone}
    for name, found in sorted(addresses.items()):
        hosts = [name, *found, *aliases.pop(name, ())]
        gathering.add(Found(id=name, kind="name", hosts=hosts, attributes=attributes))
    for target, names in sorted(aliases.items()):
        for name in names:
            leads = {**attributes, "alias of": target}
            gathering.add(Found(id=name, kind="alias", hosts=[name], attributes=leads))


def _transferred(gathering: Gathering, options: TransferOptions) -> Iterator[dns.rrset.RRset]:
    """Give the records message by message, so that a stop is heard between two of them."""
    limits = gathering.ground.limits
    left = limits.bytes // _LARGEST_RECORD
    key = _key(gathering, options)
    try:
        messages = dns.query.xfr(
            str(options.server),
            options.zone,
            port=options.port,
            timeout=limits.answer_s,
            lifetime=limits.seconds,
            relativize=False,
            keyring=key,
            keyname=options.key_name or None,
            keyalgorithm=dns.name.from_text(options.algorithm),
        )
        for message in messages:
            gathering.go_on()
            for records in message.answer:
                left -= len(records)
                yield records
            if left < 0:
                raise gathering.error("the zone is too large", "transfer a smaller one")
    except dns.xfr.TransferError as fault:
        remedy = "let it allow AXFR to this address, or name its key"
        raise gathering.error(f"the server refuses: {fault}", remedy) from None
    except (dns.exception.DNSException, OSError, EOFError) as fault:
        problem = f"the transfer failed: {str(fault) or type(fault).__name__}"
        raise gathering.error(problem, "check the server, its port and the key") from None


def _key(
    gathering: Gathering, options: TransferOptions
) -> dict[dns.name.Name, dns.tsig.Key] | None:
    if options.key is None:
        return None
    try:
        secret = gathering.ground.secrets(options.key)
        ring = dns.tsigkeyring.from_text({options.key_name: (options.algorithm, secret)})
    except SettingsError as fault:
        raise gathering.error(str(fault), "set it, and fetch again") from None
    except (binascii.Error, ValueError, dns.exception.DNSException):
        problem = f"the key {line(options.key_name)} is no base 64"
        raise gathering.error(problem, "give its secret as the server's key file has it") from None
    return dict(ring)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()

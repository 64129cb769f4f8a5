"""Which hosts a waiver is about: by address, network and name, and by the id of a target.

What a waiver says of an address it says of the one who had it when the waiver began; the next owner
of the address is nobody that it was given for (`policy.holders`).
"""

from __future__ import annotations

from collections.abc import Mapping

from portproof.model.endpoint import Address
from portproof.model.finding import Judgement
from portproof.model.waiver import Waiver
from portproof.policy.holders import HandedOn, Holders
from portproof.policy.register import names_address

Names = Mapping[Address, frozenset[str]]
"""The DNS names that each address was listed under in the run, lower case."""


def reaches(waiver: Waiver, judged: Judgement, names: Names, holders: Holders) -> bool:
    """Whether the host of a judgement is among a waiver's, whoever has its address now.

    A waiver without any host is about all; a judgement on a document has no host.
    """
    if not (waiver.networks or waiver.names or waiver.ids):
        return True
    if judged.endpoint is None:
        return False
    address = judged.endpoint.address
    if any(address.version == net.version and address in net for net in waiver.networks):
        return True
    if waiver.ids and not set(waiver.ids).isdisjoint(holders.ids(address)):
        return True
    return bool(names.get(address, frozenset()) & {each.lower() for each in waiver.names})


def given_for(waiver: Waiver, judged: Judgement, names: Names, holders: Holders) -> HandedOn | None:
    """Say whom a waiver that names the address of a judgement was given for, if that one has left.

    None: it holds for whoever has the address now, as far as is known.
    """
    if judged.endpoint is None or not holders.has_history(judged.endpoint.address):
        return None
    if not (waiver.networks or waiver.names or waiver.ids):
        return None
    address = judged.endpoint.address
    by_id = not set(waiver.ids).isdisjoint(holders.ids(address))
    if by_id or not names_address(waiver, address, names.get(address, frozenset())):
        return None
    return holders.handed_on(address, waiver.begins)

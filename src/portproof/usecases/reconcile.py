"""Reconcile: a stored run against what hosts say listens, and what firewalls are meant to let through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Generic, TypeVar

from portproof.contracts import Store
from portproof.errors import SettingsError
from portproof.model.endpoint import Address, Network
from portproof.model.reconcile import Intent, Listening, ReconcileDocument
from portproof.model.scan import RunRecord
from portproof.model.vantage import Vantages
from portproof.policy.reconcile import HostAccounts, Vicinity, reconcile
from portproof.policy.wording import instant

Account = TypeVar("Account", Listening, Intent)


@dataclass(frozen=True, slots=True)
class Given(Generic[Account]):
    """One document, and the host that it is about."""

    document: Account
    host: str | None
    """An address, a name or a target of the run; None: the run's only host, or every host for a
    document whose rules name theirs."""


def reconcile_run(
    store: Store,
    run_id: str,
    listening: Sequence[Given[Listening]],
    intents: Sequence[Given[Intent]],
    vantages: Vantages,
) -> ReconcileDocument:
    """Join the accounts of a run's hosts.

    Raises:
        StoreError: there is no such run.
        SettingsError: a document is about a host that the run did not ask, or nobody says which of
            several hosts it is about, or two say what listens on one.
    """
    run = store.load_run(run_id)
    accounts = _accounts(run, listening, intents)
    vicinity = _vicinity(run, vantages)
    documents: list[Listening | Intent] = [each.document for each in listening]
    documents += [each.document for each in intents]
    return ReconcileDocument(
        run=run.plan.run_id,
        status=run.status,
        at=instant(run.finished),
        vantage=run.plan.vantage.id,
        zone=run.plan.vantage.zone,
        documents=tuple(each.file for each in documents),
        rows=reconcile(run, accounts, vicinity),
        not_understood=tuple(odd for each in documents for odd in each.not_understood),
        notes=tuple(_notes(run, accounts, vicinity)),
    )


def _accounts(
    run: RunRecord, listening: Sequence[Given[Listening]], intents: Sequence[Given[Intent]]
) -> dict[Address, HostAccounts]:
    sockets: dict[Address, Listening] = {}
    rules: dict[Address, list[Intent]] = {}
    for told in listening:
        for address in _addresses(run, told.host, told.document.file):
            if address in sockets:
                raise SettingsError(f"two documents say what listens on {address}; give one")
            sockets[address] = told.document
    for meant in intents:
        for address in _spoken_of(run, meant):
            rules.setdefault(address, []).append(meant.document)
    return {
        address: HostAccounts(listening=sockets.get(address), intents=tuple(rules.get(address, ())))
        for address in {**sockets, **rules}
    }


def _spoken_of(run: RunRecord, meant: Given[Intent]) -> Iterable[Address]:
    """Give the hosts of an intent document: rules that name their hosts speak of all of them."""
    if meant.host is None and meant.document.names_hosts:
        return tuple(dict.fromkeys(host.address for host in run.plan.hosts))
    return _addresses(run, meant.host, meant.document.file)


def _addresses(run: RunRecord, named: str | None, file: str) -> tuple[Address, ...]:
    """Give the addresses of a host as it was named, or of the run's only host."""
    hosts = run.plan.hosts
    if named is None:
        known_as = {host.name or str(host.address) for host in hosts}
        if len(known_as) != 1:
            raise SettingsError(
                f"{file}: of which host is it? The run asked {len(known_as)}; write HOST={file}"
            )
        return tuple(host.address for host in hosts)
    wanted = named.lower()
    found = [
        host.address
        for host in hosts
        if wanted in (str(host.address), host.target.lower(), *host.names)
    ]
    if not found:
        raise SettingsError(f"{named}={file}: run {run.plan.run_id} asked no host of that name")
    return tuple(found)


def _vicinity(run: RunRecord, vantages: Vantages) -> Vicinity:
    """Give where the run came from: the vantage's public addresses, else its zone's networks."""
    vantage = run.plan.vantage
    declared = vantages.vantage(vantage.id) or vantage
    zone = vantages.zone(vantage.zone)
    public: tuple[Network, ...] = tuple(map(ip_network, declared.public_addresses))
    return Vicinity(zone=vantage.zone, networks=public or (zone.networks if zone else ()))


def _notes(run: RunRecord, accounts: dict[Address, HostAccounts], vicinity: Vicinity) -> list[str]:
    notes = []
    if run.status_reason:
        notes.append(f"the run is {run.status}: {run.status_reason}")
    silent = [str(each) for each, held in accounts.items() if held.listening is None]
    if silent:
        notes.append(f"no document says what listens on: {', '.join(sorted(silent))}")
    restricted = any(
        rule.sources is not None
        for held in accounts.values()
        for intent in held.intents
        for each in intent.filters
        for rule in each.rules
    )
    if restricted and not vicinity.networks:
        notes.append(
            f"nobody declared the addresses of vantage {run.plan.vantage.id} (public_addresses) or "
            f"of zone {vicinity.zone} (networks): rules for some sources may or may not be for it"
        )
    unspoken = len({host.address for host in run.plan.hosts} - accounts.keys())
    if unspoken:
        notes.append(f"hosts of the run that no document speaks of: {unspoken}")
    return notes

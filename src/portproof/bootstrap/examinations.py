"""What `portproof doctor` looks at, each gap with its remedy."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from portproof.bootstrap import Application
from portproof.errors import RenderError, StoreError
from portproof.render.pdf import require_library
from portproof.scan.machine import MachineFacts, machine_facts
from portproof.settings import VARIABLES
from portproof.store import open_store, schema_version, verify_log
from portproof.store.database import check_place, path_of
from portproof.store.schema import REVISIONS
from portproof.usecases.doctor import Diagnosis, Examination, Health

_ENOUGH_CONNECTIONS = 1_000
"""Below this, silent hosts take noticeably longer; results do not change."""


def examinations(app: Application) -> tuple[Examination, ...]:
    """Give every examination, in the order in which a run depends on them."""
    facts = machine_facts()
    return (
        ("platform", partial(_platform, facts)),
        ("descriptors", partial(_descriptors, facts)),
        ("ICMP errors", partial(_icmp_errors, facts)),
        ("raw sockets", partial(_raw_sockets, facts)),
        ("IPv6", partial(_ipv6, facts)),
        ("clock", partial(_clock, app)),
        ("PDF library", _pdf),
        ("scapy", _scapy),
        ("configuration", partial(_configuration, app)),
        ("documents", partial(_documents, app)),
        ("authorisation", partial(_authorisation, app)),
        ("database", partial(_database, app)),
    )


def _platform(facts: MachineFacts) -> Diagnosis:
    return Diagnosis(part="platform", health=Health.GOOD, found=facts.platform)


def _descriptors(facts: MachineFacts) -> Diagnosis:
    found = f"{facts.descriptors_soft:,} of {facts.descriptors_hard:,}; {facts.connections:,} connections at once"
    if facts.connections >= _ENOUGH_CONNECTIONS:
        return Diagnosis(part="descriptors", health=Health.GOOD, found=found)
    remedy = "raise the hard limit: LimitNOFILE= in systemd, nofile in limits.conf"
    return Diagnosis(part="descriptors", health=Health.LIMITED, found=found, remedy=remedy)


def _icmp_errors(facts: MachineFacts) -> Diagnosis:
    if facts.icmp_errors:
        return Diagnosis(
            part="ICMP errors", health=Health.GOOD, found="a reset is told from an ICMP unreachable"
        )
    return Diagnosis(
        part="ICMP errors",
        health=Health.LIMITED,
        found="IP_RECVERR cannot be set: refusals are reported as conn-refused",
        remedy="run on Linux, outside a sandbox that filters setsockopt",
    )


def _raw_sockets(facts: MachineFacts) -> Diagnosis:
    found = (
        "CAP_NET_RAW is in force"
        if facts.raw_sockets
        else "no CAP_NET_RAW; the connect engine needs none"
    )
    return Diagnosis(part="raw sockets", health=Health.GOOD, found=found)


def _ipv6(facts: MachineFacts) -> Diagnosis:
    if facts.ipv6:
        return Diagnosis(part="IPv6", health=Health.GOOD, found="available")
    return Diagnosis(
        part="IPv6",
        health=Health.LIMITED,
        found="::1 cannot be bound: IPv6 targets will be unmeasured",
        remedy="enable IPv6 (sysctl net.ipv6.conf.all.disable_ipv6=0)",
    )


def _clock(app: Application) -> Diagnosis:
    facts = app.clock.facts()
    found = f"{facts.source}: {facts.detail}"
    if facts.synchronised:
        return Diagnosis(part="clock", health=Health.GOOD, found=found)
    remedy = "run chrony or systemd-timesyncd; reports carry the fact clock_unsynced until then"
    return Diagnosis(part="clock", health=Health.LIMITED, found=found, remedy=remedy)


def _pdf() -> Diagnosis:
    try:
        version = require_library()
    except RenderError as missing:
        return Diagnosis(
            part="PDF library",
            health=Health.LIMITED,
            found=str(missing),
            remedy="apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core",
        )
    return Diagnosis(part="PDF library", health=Health.GOOD, found=f"WeasyPrint {version}")


def _scapy() -> Diagnosis:
    # Looked for, not imported: it is GPL-2.0-only and stays out of this process.
    if importlib.util.find_spec("scapy") is not None:
        return Diagnosis(
            part="scapy", health=Health.GOOD, found="installed; no scan of this version loads it"
        )
    return Diagnosis(
        part="scapy", health=Health.LIMITED, found="not installed", remedy="pip install scapy"
    )


def _configuration(app: Application) -> Diagnosis:
    if app.config is None:
        return Diagnosis(
            part="configuration",
            health=Health.LIMITED,
            found=f"no portproof.yaml here; options and {', '.join(VARIABLES[:2])}, … are used",
            remedy="portproof init",
        )
    return Diagnosis(part="configuration", health=Health.GOOD, found=str(app.config))


def _documents(app: Application) -> Diagnosis:
    if app.settings.baseline is None:
        return Diagnosis(
            part="documents",
            health=Health.LIMITED,
            found="no baseline is named",
            remedy="portproof init",
        )
    held = app.documents
    vantage = app.vantage  # named in one document, declared in another
    found = (
        f"{len(held.baseline.approved)} approved services, {len(held.waivers.waivers)} waivers, "
        f"{len(held.rules.rules)} service rules, {len(held.frameworks)} frameworks; vantage {vantage.id}, zone {vantage.zone}"
    )
    return Diagnosis(part="documents", health=Health.GOOD, found=found)


def _authorisation(app: Application) -> Diagnosis:
    held = app.authorisation
    if held is None:
        return Diagnosis(
            part="authorisation",
            health=Health.LIMITED,
            found="none is named: every scan is refused",
            remedy="portproof init, then have the owner of the networks agree",
        )
    now = app.clock.now()
    found = f"{held.id}, {held.valid_from:%Y-%m-%d} to {held.valid_until:%Y-%m-%dT%H:%M:%SZ}"
    if held.valid_from <= now < held.valid_until:
        return Diagnosis(part="authorisation", health=Health.GOOD, found=found)
    early = now < held.valid_from
    return Diagnosis(
        part="authorisation",
        health=Health.BROKEN,
        found=f"{found}: {'not in force yet' if early else 'expired'}, every scan is refused",
        remedy=f"{'wait for its first day, or ' if early else ''}have {held.owner} renew it",
    )


def _database(app: Application) -> Diagnosis:
    try:
        path = path_of(app.database)
        check_place(path, create=True)
    except StoreError as fault:
        return _misplaced_database(str(fault))
    if not path.exists():
        return _future_database(path)
    with open_store(path) as store:
        faults = verify_log(store)
        size = store.head().size
    if faults:
        return Diagnosis(
            part="database",
            health=Health.BROKEN,
            found=f"{path}: {faults[0]}",
            remedy="restore a backup; the log was altered",
        )
    found = f"{path}: schema {schema_version(path)} of {REVISIONS[-1]}, {size:,} leaves verified"
    return Diagnosis(part="database", health=Health.GOOD, found=found)


def _future_database(path: Path) -> Diagnosis:
    """Try whether a file can be made where the first scan will make the database."""
    try:
        # Permissions do not tell: root may write everywhere, and yet not into /proc.
        TemporaryFile(dir=path.parent).close()
    except OSError as fault:
        return _misplaced_database(
            f"{path}: no file can be made in {path.parent}: {fault.strerror}"
        )
    return Diagnosis(
        part="database",
        health=Health.GOOD,
        found=f"{path}: not there yet, the first scan makes it",
    )


def _misplaced_database(found: str) -> Diagnosis:
    return Diagnosis(
        part="database",
        health=Health.BROKEN,
        found=found,
        remedy="check that the folder is there and writable, or name another file: --database",
    )

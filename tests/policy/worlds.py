"""Hypothesis strategies: runs, baselines and waivers of a small world with every kind of outcome."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

import factories as make
from portproof.model.baseline import (
    Approval,
    Asset,
    Baseline,
    BaselineEntry,
    Direction,
    Mitigation,
    Presence,
    Tier,
)
from portproof.model.endpoint import Transport
from portproof.model.observation import (
    Identification,
    LocalFault,
    PortState,
    Service,
)
from portproof.model.ports import PortSet
from portproof.model.scan import HostOutcome, Resolution, RunRecord, RunStatus
from portproof.model.waiver import Waivers
from portproof.policy.checks import RULES

PORTS = (22, 23, 53, 80, 443, 2375, 5432, 6379, 8080)
ADDRESSES = ("10.0.0.5", "10.0.0.6", "10.66.0.9", "2001:db8::5")
NAMES = (None, "db.example.com", "www.example.com")
ZONES = ("internet", "office", "nowhere")

tls_facts = st.builds(
    make.tls,
    st.builds(
        lambda begins, ends: make.certificate(
            not_before=make.NOON + timedelta(days=begins),
            not_after=make.NOON + timedelta(days=ends),
        ),
        st.integers(-400, 40),
        st.integers(-40, 400),
    ),
    server_name=st.sampled_from(NAMES),
)
services = st.builds(
    Service,
    st.sampled_from(("ssh", "http", "telnet", "redis", "postgresql", "tls", "dns", "gopher")),
    attributes=st.sampled_from(({}, {"auth": "none"}, {"auth": "required"})),
    identified_by=st.sampled_from(Identification),
    tls=st.none() | tls_facts,
)
port_sets = st.sets(st.sampled_from(PORTS)).map(PortSet.from_iterable)
day = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@st.composite
def host_outcomes(draw: st.DrawFn) -> HostOutcome:
    """Draw one host over one transport: every port has a state, a fault, or is missing."""
    transport = draw(st.sampled_from(Transport))
    planned = draw(st.sets(st.sampled_from(PORTS), min_size=1))
    text = ",".join(map(str, sorted(planned)))
    host = make.planned_host(
        draw(st.sampled_from(ADDRESSES)),
        name=draw(st.sampled_from(NAMES)),
        tcp=text if transport is Transport.TCP else "",
        udp=text if transport is Transport.UDP else "",
    )
    kinds = [*PortState, *LocalFault, None]
    shown = {port: draw(st.sampled_from(kinds)) for port in sorted(planned)}
    return make.host_outcome(
        host,
        transport=transport,
        states={each: _listed(shown, each) for each in PortState if each in shown.values()},
        unmeasured={each: _listed(shown, each) for each in LocalFault if each in shown.values()},
        services={
            port: draw(services)
            for port, state in shown.items()
            if state is PortState.OPEN and draw(st.booleans())
        },
        fill=None,
    )


def _listed(shown: dict[int, PortState | LocalFault | None], kind: PortState | LocalFault) -> str:
    return ",".join(str(port) for port, held in shown.items() if held is kind)


@st.composite
def runs(draw: st.DrawFn, status: RunStatus | None = None) -> RunRecord:
    """Draw a run of up to four hosts, of any status unless one is given."""
    hosts = draw(
        st.lists(
            host_outcomes(),
            max_size=4,
            unique_by=lambda each: (each.host.address, each.transport),
        )
    )
    unresolved = draw(st.booleans())
    resolutions = (Resolution(name="gone.example.com", addresses=(), at=make.NOON),)
    status = status or draw(st.sampled_from(RunStatus))
    return make.run(
        *(hosts or [make.host_outcome(make.planned_host(tcp="22"))]),
        status=status,
        status_reason="" if status is RunStatus.COMPLETE else "it was cut short",
        plan={"resolutions": resolutions if unresolved else ()},
    )


approvals = st.builds(
    Approval,
    requester=st.sampled_from(("", "web-team", "Web-Team ")),
    approver=st.sampled_from(("", "security", "web-team")),
    approved_on=st.none() | day,
    review_by=st.none() | day,
    ticket=st.sampled_from(("", "CHG-1")),
)


@st.composite
def baselines(draw: st.DrawFn) -> Baseline:
    """Draw a baseline of up to five entries and perhaps an asset."""
    entries = [draw(entries_of(f"entry-{number}")) for number in range(draw(st.integers(0, 5)))]
    shop = Asset(
        id="shop",
        networks=(make.network("10.0.0.5/32"), make.network("2001:db8::5/128")),
        names=("www.example.com",),
        tags=draw(st.sampled_from((frozenset(), frozenset({"pii"}), frozenset({"payment"})))),
    )
    return make.baseline(*entries, assets=draw(st.sampled_from(((), (shop,)))))


@st.composite
def entries_of(draw: st.DrawFn, entry_id: str) -> BaselineEntry:
    hosts = draw(
        st.lists(
            st.sampled_from(
                (
                    "10.0.0.5",
                    "10.0.0.0/29",
                    "10.66.0.0/24",
                    "2001:db8::/64",
                    "db.example.com",
                    "gone.example.com",
                )
            ),
            min_size=1,
            max_size=2,
            unique=True,
        )
    )
    mitigation = Mitigation(measure="only from the bastion")
    return make.entry(
        ",".join(hosts),
        id=entry_id,
        ports=draw(port_sets.filter(bool)),
        transport=draw(st.sampled_from(Transport)),
        zones=tuple(draw(st.sets(st.sampled_from(ZONES), min_size=1))),
        service=draw(st.sampled_from(("", "ssh", "http", "https", "telnet", "redis", "myapp"))),
        presence=draw(st.sampled_from(Presence)),
        tier=draw(st.sampled_from(Tier)),
        direction=draw(st.sampled_from(Direction)),
        mitigation=draw(st.sampled_from((None, mitigation))),
        approval=draw(approvals),
    )


waiver_lists = st.lists(
    st.builds(
        lambda rules, begins, length, networks, ports: make.waiver(
            *rules,
            begins=make.NOON + timedelta(days=begins),
            expires=make.NOON + timedelta(days=begins + length),
            networks=networks,
            ports=ports,
        ),
        st.sets(st.sampled_from(sorted(RULES)), min_size=1),
        st.integers(-60, 10),
        st.integers(1, 90),
        st.sampled_from(((), (make.network("10.0.0.0/24"),))),
        st.none() | port_sets,
    ),
    max_size=3,
)


def waiver_documents() -> st.SearchStrategy[Waivers]:
    """Draw a waiver document."""
    return waiver_lists.map(lambda held: make.waivers(*held))

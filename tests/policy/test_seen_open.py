"""What a run showed open, and what of it nobody should believe."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import factories as make
from portproof.model.endpoint import Transport
from portproof.model.observation import Identification, LocalFault, PortState, Service
from portproof.model.portspec import parse_ports
from portproof.model.scan import RunRecord, RunStatus
from portproof.model.source import SourcedTarget
from portproof.policy.crowds import MANY_OPEN
from portproof.policy.seen_open import Sight, seen_in_list, seen_in_run

CROWD = f"1-{MANY_OPEN + 2}"


def sight(run: RunRecord) -> Sight:
    return seen_in_run(run, make.baseline(), make.TODAY)


def test_a_service_is_what_identified_itself_and_never_what_a_number_suggests() -> None:
    told = Service("redis")
    guessed = Service("https", identified_by=Identification.PORT_NUMBER)
    (seen,) = sight(make.run(make.open_host(p6379=told, p443=guessed, p8080=None))).seen
    assert seen.open == make.ports("443,6379,8080")
    assert {port: said.service for port, said in seen.spoken.items()} == {6379: "redis"}


def test_our_own_listeners_are_not_proposed() -> None:
    ours = make.endpoint(f"{make.HOST}:41000/tcp")
    run = make.run(make.open_host(p22=None, p41000=None), own_listeners=(ours,))
    assert sight(run).seen[0].open == make.ports("22")


def test_a_host_that_answers_everywhere_is_named_and_not_proposed() -> None:
    host = make.host_outcome(states={PortState.OPEN: CROWD}, services={22: Service("ssh")})
    found = sight(make.run(host))
    assert found.seen[0].open == make.ports("22"), "what identified itself is believed"
    (note,) = found.notes
    assert note.startswith(f"{make.HOST}: {MANY_OPEN + 1} tcp ports (1-21,23-102) told nothing")


def test_a_network_that_answers_like_one_is_not_proposed() -> None:
    hosts = [
        make.host_outcome(
            make.planned_host(f"10.0.0.{number}", tcp="1-20"), states={PortState.OPEN: "1-20"}
        )
        for number in range(1, 11)
    ]
    found = sight(make.run(*hosts))
    assert not any(each.open for each in found.seen)
    assert len(found.notes) == len(hosts)


def test_what_was_not_measured_is_said_by_cause_and_host() -> None:
    host = make.host_outcome(
        states={PortState.OPEN: "22"}, unmeasured={LocalFault.HOST_TIMEOUT: "1000-1999"}
    )
    run = make.run(host, status=RunStatus.INCONCLUSIVE, status_reason="the canary fell silent")
    inconclusive, unmeasured = sight(run).notes
    assert "inconclusive: the canary fell silent" in inconclusive
    assert unmeasured.startswith(f"1000 tcp endpoints not measured (host-timeout) of {make.HOST}:")


def test_a_silent_udp_port_is_told_and_never_proposed() -> None:
    host = make.planned_host(tcp="", udp="53,123")
    outcome = make.host_outcome(
        host,
        transport=Transport.UDP,
        states={PortState.OPEN: "53"},
        fill=PortState.OPEN_FILTERED,
    )
    found = sight(make.run(outcome))
    assert found.seen[0].open == make.ports("53")
    assert found.notes[-1].startswith("1 port may be open or filtered")


def test_a_list_of_another_scanner_is_marked_as_imported() -> None:
    target = SourcedTarget(
        id="web-1",
        kind="host",
        addresses=(ip_address("192.0.2.7"),),
        ports=parse_ports("443,U:53"),
        attributes={"ptr": "web-1.example.com other.example.com"},
        seen_at=make.NOON,
    )
    crowded = replace(target, ports=parse_ports(CROWD), addresses=(ip_address("192.0.2.8"),))
    here = make.endpoint("192.0.2.7:443/tcp")
    found = seen_in_list((target, crowded), ("a host has no id",), {here: "https"})
    tcp, udp, many = found.seen
    assert (tcp.open, udp.open, many.open) == (make.ports("443"), make.ports("53"), make.ports(""))
    assert tcp.pointed == "web-1.example.com"
    assert tcp.spoken == {443: ("https", "as nmap says, imported")}
    assert not udp.spoken
    imported, skipped, doubted = found.notes
    assert "imported, not witnessed" in imported
    assert skipped == "not understood: a host has no id"
    assert doubted.startswith("192.0.2.8: 102 tcp ports")

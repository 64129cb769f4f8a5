"""The UDP probes against the real servers they were written for, from Debian's packages."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

import servers
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import PortState, Reason, Service
from portproof.model.probe import Probe
from portproof.model.scan import Timing
from portproof.probes import over
from portproof.probes.chrony_command import ChronyCommand
from portproof.probes.dtls import Dtls
from portproof.probes.snmp import Snmp
from portproof.probes.tftp import Tftp
from servers.process import endpoint, free_port
from servers.snmpd import DESCRIPTION
from udp_asking import ask

pytestmark = pytest.mark.real_server

QUICK = Timing(udp_timeout_ms=1_000, max_retries=0)
OPEN = (PortState.OPEN, Reason.UDP_RESPONSE)


def service_at(where: Endpoint, probe: Probe) -> Service:
    (found,) = ask(where, probes=[probe], timing=QUICK)
    assert found.verdict == OPEN
    assert found.service is not None
    return found.service


def test_tftpd_answers_from_a_port_of_its_own_and_is_open() -> None:
    with servers.tftpd() as server:
        (found,) = ask(server, probes=[Tftp()], timing=QUICK)
    assert found.verdict == OPEN
    assert found.service == Service("tftp", "", {"error": "1", "message": "File not found"})
    assert found.raw["answered_from_port"] != server.port


def test_snmpd_tells_its_description_to_the_community_public() -> None:
    with servers.snmpd() as server:
        service = service_at(server, Snmp())
    assert service == Service("snmp", DESCRIPTION, {"version": "2c", "community": "public"})


def test_snmpd_with_another_community_is_found_by_its_engine() -> None:
    with servers.snmpd(community="not-this-one") as server:
        service = service_at(server, Snmp())
    assert service.product == ""
    assert service.attributes["version"] == "3"
    assert service.attributes["enterprise"] == "8072", "Net-SNMP's number at IANA"
    assert "community" not in service.attributes


@pytest.mark.parametrize("listen", [True, False])
def test_openssl_asks_for_a_cookie(*, listen: bool) -> None:
    with servers.dtls(listen=listen) as server:
        assert service_at(server, Dtls()).attributes == {"cookie": "required"}


def test_chronyd_takes_commands_from_strangers_where_it_is_told_to() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with servers.chrony(command_port=port):
        service = service_at(endpoint(port, Transport.UDP), ChronyCommand())
    assert service == Service("chrony-command", attributes={"status": "0", "sources": "0"})


def test_real_servers_are_told_apart_when_each_is_asked_everything() -> None:
    with ExitStack() as stack:
        places = [
            stack.enter_context(server())
            for server in (servers.unbound, servers.chrony, servers.snmpd)
        ]
        found = ask(*places, probes=over(Transport.UDP), timing=Timing(udp_timeout_ms=500))
    names = [each.service.name if each.service else None for each in found]
    assert names == ["dns", "ntp", "snmp"]

"""Protocol probes: each asks one harmless question, and only a right answer names the service.

A probe is a conversation without a socket (`model.probe`): its `dialogue()` yields turns and is
resumed with what came. `scan.dialogue` drives it over a connection, `scan.udp` over datagrams,
and a test with a list of replies::

    scan.identify ── for_port(22, tcp) ──► Ssh().dialogue(context)
         │                                   │ yield Turn(size=4)
         │ ◄─────────────────────────────────┘
         └─ bytes from the peer ───────────► resumed … return Service("ssh", …) | None

Reading order: `redis.py` (the shortest), `ssh.py` (greets first, binary after), `tls.py` (a
conversation inside another), `dns.py` (datagrams). Shared vocabulary, known to many probes:
`printable.py` (attackers' bytes as text), `replies.py` (numbered replies of SMTP and FTP),
`http_message.py` (HTTP inside and outside TLS), `certificate.py`, `tls_flight.py` and
`tls_hello.py` (TLS read in the clear, where a handshake was refused), `ber.py` (the elements of SNMP).

The hardest decision: what counts as recognised. A probe returns a `Service` only for an answer
that the protocol's own document prescribes for what was asked (our transaction id, our time-stamp,
the message that must come first); likeness is not enough, and a port number is nothing. So every
file opens with the document it was written from, and with a `Safety:` line that says what the
peer will notice. Probes read; they never log in, write or exploit, and no bytes make them raise.
"""

from __future__ import annotations

from typing import Final

from portproof.model.endpoint import Transport
from portproof.model.ports import PortSet
from portproof.model.probe import Probe
from portproof.probes.chrony_command import ChronyCommand
from portproof.probes.dns import Dns
from portproof.probes.dtls import Dtls
from portproof.probes.ftp import Ftp
from portproof.probes.http import Http
from portproof.probes.memcached import MemcachedUdp
from portproof.probes.mysql import Mysql
from portproof.probes.ntp import Ntp
from portproof.probes.postgresql import Postgresql
from portproof.probes.redis import Redis
from portproof.probes.rpcbind import Rpcbind
from portproof.probes.smtp import Smtp
from portproof.probes.snmp import Snmp
from portproof.probes.ssh import Ssh
from portproof.probes.tftp import Tftp
from portproof.probes.tls import Tls

# The order is the order of trial on a port that none of them claims.
PROBES: Final[tuple[Probe, ...]] = (
    # Servers that greet: MySQL first, because four bytes tell; the others read whole lines.
    Mysql(),
    Ssh(),
    Smtp(),
    Ftp(),
    # Servers that wait to be asked, the most likely first.
    Http(),
    Tls(),
    Redis(),
    Postgresql(),
    # Datagrams.
    Dns(),
    Ntp(),
    Snmp(),
    Tftp(),
    Rpcbind(),
    MemcachedUdp(),
    ChronyCommand(),
    Dtls(),
)


def over(transport: Transport) -> tuple[Probe, ...]:
    """Give the probes of one transport, in the order of trial."""
    return tuple(probe for probe in PROBES if probe.transport is transport)


def for_port(port: int, transport: Transport) -> tuple[Probe, ...]:
    """Give the probes whose default ports include this one, in the order of trial; often none."""
    return tuple(probe for probe in over(transport) if port in probe.default_ports)


def tcp_ports() -> PortSet:
    """Give the ports that some TCP probe claims as its default."""
    return _ports(Transport.TCP)


def udp_ports() -> PortSet:
    """Give the ports that some UDP probe claims: the only ones where a datagram can be answered."""
    return _ports(Transport.UDP)


def _ports(transport: Transport) -> PortSet:
    return PortSet.from_iterable(
        [port for probe in over(transport) for port in probe.default_ports]
    )

"""The helper process: `python -m portproof.rawhelper`, started by `scan.syn` with a socket as input."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

from portproof.model.rawwire import Kind, WireError, facts_of, say
from portproof.rawhelper import packets, privileges
from portproof.rawhelper.channel import Channel
from portproof.rawhelper.cookies import Cookies
from portproof.rawhelper.engine import Engine, Sockets
from portproof.rawhelper.filters import answers_v4, answers_v6
from portproof.rawhelper.neighbours import Neighbours
from portproof.rawhelper.outlet import Senders, open_packet_socket, open_raw_socket
from portproof.rawhelper.plan import HelperPlan, plan_of
from portproof.rawhelper.ring import ReceiveRing
from portproof.rawhelper.source_ports import SourcePorts
from portproof.rawhelper.table import V4, V6, ProbeTable
from portproof.rawhelper.ways import Ways

_WRONG_USE: Final = 2
_ETHERTYPES: Final = {V4: 0x0800, V6: 0x86DD}
_KEY_BYTES: Final = 16


def main(arguments: Sequence[str]) -> int:
    """Serve one parent, or several streams of it; 0 when it got what it asked for, or went away.

    `arguments` are the descriptors of further streams: each is served by a process of its own,
    forked once scapy and NumPy are loaded, which takes longer than everything else here.
    """
    # Ctrl-C reaches every process of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody waits for the forked ones: the kernel shall.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        streams = [socket.socket(fileno=fd) for fd in (os.dup(0), *map(int, arguments))]
    except (OSError, ValueError):
        sys.stderr.write("portproof.rawhelper: started by portproof's scan engine, not by hand\n")
        return _WRONG_USE
    os.close(0)
    # scapy would load it for layers that are not used here, a tenth of this process's whole start.
    sys.modules["cryptography"] = None  # type: ignore[assignment]
    # While files can still be read: later on, this may be another user's process.
    packets.load()
    own = streams.pop(0)
    for stream in streams:
        if os.fork() == 0:
            own.close()
            own = stream
            break
    for stream in streams:
        if stream is not own:
            stream.close()
    return _attend(Channel(own))


def _attend(channel: Channel) -> int:
    """Serve one stream; 1 when something went wrong, which the parent is told."""
    try:
        _serve(channel)
    except (WireError, OSError) as problem:
        line = f"raw helper: {problem}"
        sys.stderr.write(f"portproof {line}\n")
        channel.send(say(Kind.FAILED, problem=line))
        return 1
    return 0


def _serve(channel: Channel) -> None:
    privileges.keep_raw_sockets_only()
    plan = _await_plan(channel)
    if plan is None:
        return
    sockets = _open_sockets(plan)
    table = ProbeTable(Cookies(os.urandom(_KEY_BYTES)), time.monotonic())
    ways = Ways(plan, sockets.senders, sockets.neighbours, sockets.reserved)
    privileges.keep_nothing()
    ports = sockets.reserved.ports
    channel.send(say(Kind.READY, ports=[ports[0], ports[-1]]))
    Engine(plan, channel, sockets, ways, table).run()


def _await_plan(channel: Channel) -> HelperPlan | None:
    """Wait for the first frame; None when the parent went away before."""
    while not channel.closed:
        select.select([channel.sock], [], [])
        for kind, payload in channel.frames():
            if kind is not Kind.PLAN:
                raise WireError(f"a parent begins with PLAN, not with {kind.name}")
            return plan_of(facts_of(payload))
    return None


def _open_sockets(plan: HelperPlan) -> Sockets:
    own = sorted({path.version for path in plan.paths if path.local})
    links = sorted({path.interface for path in plan.paths if not path.local})
    senders = Senders(
        packet={interface: open_packet_socket(interface) for interface in links},
        raw={version: open_raw_socket(version) for version in own},
    )
    reserved = SourcePorts(one_port=plan.one_port)
    programs = {V4: answers_v4, V6: answers_v6}
    return Sockets(
        senders=senders,
        rings={
            version: ReceiveRing(_ETHERTYPES[version], programs[version](reserved.ports))
            for version in sorted({path.version for path in plan.paths})
        },
        neighbours=Neighbours(open_packet_socket()),
        reserved=reserved,
    )


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Nothing is left to be tidied up, and taking two large libraries down takes its time.
    os._exit(code)

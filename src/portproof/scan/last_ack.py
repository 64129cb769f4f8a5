"""The last acknowledgement of a handshake: held back, so that it goes with the first word, or never.

The kernel answers a SYN-ACK by a bare acknowledgement at once, which wakes a server that has nothing
to read yet. With quick acknowledgement off (tcp(7), TCP_QUICKACK) it waits up to 200 ms for data to
carry it. So a server is woken once, with the question; and one that is only asked whether its port
is open sees its SYN-ACK answered by a reset, and no connection to accept or to log.
"""

from __future__ import annotations

import socket


def hold_back(sock: socket.SocketType) -> None:
    """Hold it back at the socket's next connect; once ended or refused, a socket forgets it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def let_go(sock: socket.SocketType) -> None:
    """Send it now, unless something said has carried it: the server may have to speak first."""
    if sock.family != socket.AF_UNIX:  # the way to a proxy on this machine, which has none
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

"""A peer of its own process, for namespaces: accepts on TCP ports and hangs up at once.

    python zone_peer.py 10.99.2.2 7 8080     says `ready` once it listens

A peer that stays silent would be asked for seconds.
"""

from __future__ import annotations

import selectors
import socket
import sys


def main() -> None:
    """Listen on the ports of the arguments until the process is ended."""
    address, ports = sys.argv[1], [int(each) for each in sys.argv[2:]]
    selector = selectors.DefaultSelector()
    for port in ports:
        selector.register(socket.create_server((address, port), backlog=64), selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.accept()[0].close()


if __name__ == "__main__":
    main()

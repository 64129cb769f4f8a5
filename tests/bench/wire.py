"""How long so many packets take to leave by an interface, as its own counter says.

    python wire.py cable 2097152

Says `watching`, waits until that many have left (a thousandth may be missing: others count there,
too), prints the seconds from the first to the last, and ends. Looks two hundred times a second.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_SENT = 9
"""The place of the packets that were sent, in a line of /proc/net/dev after the interface's name."""
_LOOK_S = 0.005
_LONGEST_S = 120.0


def main() -> None:
    """Watch."""
    interface, wanted = sys.argv[1], int(sys.argv[2])
    few = wanted // 1000
    begin, first = sent_by(interface), 0.0
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    deadline = time.monotonic() + _LONGEST_S
    while (now := time.monotonic()) < deadline:
        left = sent_by(interface) - begin
        first = first or (now if left > few else 0.0)
        if left >= wanted - few:
            sys.stdout.write(f"{now - first:.4f}\n")
            return
        time.sleep(_LOOK_S)
    sys.exit(f"only {sent_by(interface) - begin} of {wanted} packets left by {interface}")


def sent_by(interface: str) -> int:
    """Give how many packets have left by the interface."""
    for line in Path("/proc/self/net/dev").read_text("ascii").splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == interface:
            return int(counts.split()[_SENT])
    raise SystemExit(f"there is no interface {interface}")


if __name__ == "__main__":
    main()

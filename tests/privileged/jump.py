"""A site behind a jump host: what its proxies can reach, the vantage cannot.

vantage (client)  ===cable===  10.99.1.2  jump host: sshd, or a SOCKS5 server
                                  │
                               10.77.0.2, fd77::2  the targets, which the client has no route to

8080 speaks HTTP on both; 8081 to 8085 are closed; 8090 is filtered; 9 is closed, too.
"""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netns import Lab
from servers.process import program, run
from site_documents import Site

TARGETS = ("10.77.0.2", "fd77::2")
NETWORKS = ("10.77.0.0/24", "fd77::/64")
SSH_PORT, SOCKS_PORT = 2222, 1080
_SERVER = """
import http.server, socket, threading
class Six(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
kind = http.server.SimpleHTTPRequestHandler
threading.Thread(target=Six(("fd77::2", 8080), kind).serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("10.77.0.2", 8080), kind).serve_forever()
"""
_FILTERED = """
table inet filtered {
  chain arriving { type filter hook input priority 0; tcp dport 8090 drop; }
}
"""


def _controls(name: str, kind: str, port: int) -> list[str]:
    """One control for each family."""
    places = zip((4, 6), (f"10.77.0.2:{port}", f"[fd77::2]:{port}"), NETWORKS, strict=True)
    return [
        f'{{id: {name}-{version}, kind: {kind}, endpoint: "{place}", networks: ["{network}"]}}'
        for version, place, network in places
    ]


@contextmanager
def site_behind(
    folder: Path, through: str, *, ports: str = "8080-8085,8090,U:53"
) -> Iterator[tuple[Lab, Site]]:
    """Give the laboratory, with the targets up, and the documents of a vantage that goes `through`."""
    with Lab() as lab:
        commands = ["addr add 10.77.0.2/32 dev lo", "addr add fd77::2/128 dev lo nodad"]
        lab.run(lab.server, ["ip", "-batch", "-"], input="\n".join(commands))
        lab.nft(lab.server, _FILTERED)
        lab.serve(lab.server, [sys.executable, "-c", _SERVER], port=8080)
        controls = _controls("gate", "positive", 8080) + _controls("shut", "negative", 9)
        site = Site(
            folder,
            networks=[*NETWORKS],
            targets=[*TARGETS],
            ports=ports,
            controls=controls,
        )
        site.write()
        (folder / "vantages.yaml").write_text(
            "zones:\n  - {name: internet, trust: untrusted}\n"
            f"vantages:\n  - {{id: outside, zone: internet, through: {through}}}\n"
        )
        yield lab, site


SEPARATION = Path("/run/sshd")
"""As root, sshd wants this folder; a booted Debian makes it for its service, and no other does."""


@contextmanager
def sshd(lab: Lab, keys: Path) -> Iterator[str]:
    """Run a jump host; gives the `through` that logs in there with keys in the folder `keys`."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        # Left there: another test's sshd may be about to use it.
        SEPARATION.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pp-") as name:
        home = Path(name)
        for key in (home / "host_key", keys / "id"):
            run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
        public = (home / "host_key.pub").read_text()
        (keys / "known hosts").write_text(f"[{lab.server.ipv4}]:{SSH_PORT} {public}")
        (home / "authorized").write_bytes((keys / "id.pub").read_bytes())
        (home / "config").write_text(
            f"Port {SSH_PORT}\nListenAddress {lab.server.ipv4}\nHostKey {home}/host_key\n"
            f"AuthorizedKeysFile {home}/authorized\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin yes\n"
        )
        argv = [program("sshd"), "-D", "-e", "-f", str(home / "config")]
        lab.serve(lab.server, argv, port=SSH_PORT)
        yield (
            f"{{ssh: {user}@{lab.server.ipv4}, port: {SSH_PORT}, identity_file: id, "
            f"known_hosts: known hosts}}"
        )

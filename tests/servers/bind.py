"""BIND's named: a primary server of two zones, one that anybody may transfer, one by key alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running

OPEN_ZONE, KEYED_ZONE = "open.example.com", "keyed.example.com"
KEY_NAME = "xfr-key"
KEY = base64.b64encode(b"a key of the tests, 32 octets...").decode()

CONFIG = """
options {{
  directory "{home}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  querylog no;
}};
controls {{ }};
key "{key_name}" {{ algorithm hmac-sha256; secret "{key}"; }};
zone "{open_zone}" {{ type primary; file "open.zone"; allow-transfer {{ any; }}; }};
zone "{keyed_zone}" {{
  type primary; file "keyed.zone"; allow-transfer {{ key "{key_name}"; }};
}};
"""
ZONE = """\
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 300
@ IN NS ns
ns IN A 192.0.2.53
www IN CNAME host-00000
"""


@contextmanager
def bind(*, names: int) -> Iterator[Endpoint]:
    """Run named; the open zone has that many hosts (65,536 at most), the other one none."""
    owner = account()
    port = free_port()
    hosts = (f"host-{at:05} IN A 10.20.{at >> 8}.{at & 255}\n" for at in range(names))
    with folder(owner) as home:
        (home / "open.zone").write_text(ZONE + "".join(hosts))
        (home / "keyed.zone").write_text(ZONE)
        config = home / "named.conf"
        config.write_text(
            CONFIG.format(
                home=home,
                port=port,
                key_name=KEY_NAME,
                key=KEY,
                open_zone=OPEN_ZONE,
                keyed_zone=KEYED_ZONE,
            )
        )
        give(home, owner)
        # -g: in the foreground, and it says on standard error why it does not start.
        argv = [program("named"), "-g", "-n", "1", "-c", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)

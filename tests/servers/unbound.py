"""unbound: a resolver that offers recursion to us, or refuses it; it never asks the internet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint, Transport
from servers.process import account, answers, endpoint, folder, free_port, give, program, running

# Answered from its own data; every other name goes to a port where nobody is.
CONFIG = """
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{home}"
  pidfile: ""
  use-syslog: no
  access-control: 127.0.0.0/8 {access}
  local-zone: "." redirect
  local-data: ". NS ns.example."
  module-config: "iterator"
  hide-version: no
remote-control:
  control-enable: no
"""
# version.bind TXT CH: id 1, recursion desired, one question.
QUESTION = bytes.fromhex("00010100000100000000000007") + b"version\x04bind\0\0\x10\0\x03"


@contextmanager
def unbound(*, access: str = "allow") -> Iterator[Endpoint]:
    """Run unbound; `access` is what it does with our questions: `allow` or `refuse`."""
    owner = account()
    port = free_port(socket.SOCK_DGRAM)
    with folder(owner) as home:
        config = home / "unbound.conf"
        config.write_text(CONFIG.format(port=port, home=home, access=access))
        give(home, owner)
        argv = [program("unbound"), "-d", "-c", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: answers(port, QUESTION)):
            yield endpoint(port, Transport.UDP)

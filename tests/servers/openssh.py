"""OpenSSH's sshd with a host key of its own; nobody can log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.process import (
    accepts,
    account,
    endpoint,
    folder,
    free_port,
    give,
    program,
    run,
    running,
)


@contextmanager
def openssh(port: int | None = None) -> Iterator[Endpoint]:
    """Run sshd."""
    owner = account()
    port = port or free_port()
    with folder(owner) as home:
        key = home / "host_key"
        run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
        config = home / "sshd_config"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\n"
            "UsePAM no\nPasswordAuthentication no\nMaxStartups 100\n"
        )
        give(home, owner)
        # Unprivileged, sshd needs no separation folder under /run.
        argv = [program("sshd"), "-D", "-e", "-f", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)

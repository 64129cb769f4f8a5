"""vsftpd with TLS offered; nobody can log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.certificates import self_made
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running


@contextmanager
def vsftpd() -> Iterator[Endpoint]:
    """Run vsftpd."""
    owner = account()
    port = free_port()
    with folder(owner) as home:
        pair = self_made(home)
        config = home / "vsftpd.conf"
        config.write_text(
            f"listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1\nlisten_port={port}\n"
            "background=NO\nrun_as_launching_user=YES\nseccomp_sandbox=NO\n"
            "anonymous_enable=YES\nlocal_enable=NO\nxferlog_enable=NO\n"
            f"ssl_enable=YES\nrsa_cert_file={pair.certificate}\nrsa_private_key_file={pair.key}\n"
        )
        give(home, owner)
        argv = [program("vsftpd"), str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)

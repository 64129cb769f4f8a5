"""Postfix with configuration, queue and data folders of its own; it accepts no mail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portproof.model.endpoint import Endpoint
from servers.certificates import self_made
from servers.process import (
    ServerFailedError,
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

MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
mail_owner = {owner}
setgid_group = postdrop
myhostname = mail.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
alias_database =
local_transport = error:no mail here
default_transport = error:no mail here
maillog_file = {home}/queue/log
maillog_file_prefixes = {home}
smtpd_tls_cert_file = {pair.certificate}
smtpd_tls_key_file = {pair.key}
smtpd_tls_security_level = may
smtputf8_enable = no
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix() -> Iterator[Endpoint]:
    """Run Postfix's master; needs root, as Postfix does."""
    if os.geteuid() != 0:
        raise ServerFailedError("Postfix's master process runs as root only")
    root, owner = account("root"), account("postfix")
    port = free_port()
    with folder(root) as home:
        home.chmod(0o755)
        pair = self_made(home)
        for name in ("config", "queue", "data"):
            (home / name).mkdir()
        give(home / "data", owner)
        config = home / "config"
        (config / "main.cf").write_text(MAIN.format(home=home, owner=owner.name, pair=pair))
        (config / "master.cf").write_text(MASTER.format(port=port))
        _copy(Path("/etc/postfix"), config)
        command = [program("postfix"), "-c", str(config)]
        # Makes the queue's folders with the owners that Postfix demands.
        run([*command, "check"])
        daemon = _daemon_directory() / "master"
        argv = [str(daemon), "-c", str(config), "-d"]
        env = {"MAIL_CONFIG": str(config)}
        with running(argv, owner=root, cwd=home, ready=lambda: accepts(port), env=env):
            yield endpoint(port)


@contextmanager
def mail_server() -> Iterator[Endpoint]:
    """Run Postfix, or its smtp-sink where we are not root: both greet and answer EHLO as Postfix."""
    with postfix() if os.geteuid() == 0 else smtp_sink() as server:
        yield server


@contextmanager
def smtp_sink() -> Iterator[Endpoint]:
    """Run the SMTP server of Postfix's package that needs no root; it offers no TLS."""
    owner, port = account(), free_port()
    argv = [program("smtp-sink"), f"127.0.0.1:{port}", "10"]
    with folder(owner) as home, running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
        yield endpoint(port)


def _daemon_directory() -> Path:
    return Path("/usr/lib/postfix/sbin")


def _copy(source: Path, target: Path) -> None:
    """Take over the package's lists of files and dictionaries, which `postfix check` reads."""
    for name in ("postfix-files", "dynamicmaps.cf"):
        if (source / name).exists():
            shutil.copy(source / name, target / name)

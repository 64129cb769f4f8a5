"""PostgreSQL with a fresh cluster, with TLS or without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portproof.model.endpoint import Endpoint
from servers.certificates import self_made
from servers.process import (
    PATH,
    ServerFailedError,
    accepts,
    account,
    endpoint,
    folder,
    free_port,
    give,
    run,
    running,
)


@contextmanager
def postgresql(*, tls: bool = False) -> Iterator[Endpoint]:
    """Make a cluster (some seconds) and run its server, as user postgres when we are root."""
    owner = account("postgres")
    port = free_port()
    with folder(owner) as home:
        data = home / "data"
        initdb = ["--no-sync", "--auth", "scram-sha-256", "--username", "postgres", "-D", str(data)]
        password = home / "password"
        password.write_text("only-for-this-test\n")
        give(home, owner)
        run([_program("initdb"), *initdb, "--pwfile", str(password)], owner=owner, cwd=home)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            "fsync": "off",
            "shared_buffers": "1MB",
        }
        if tls:
            pair = self_made(home)
            give(home, owner)
            settings |= {"ssl": "on", "ssl_cert_file": pair.certificate, "ssl_key_file": pair.key}
        argv = [_program("postgres"), "-D", str(data)]
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)


def _program(name: str) -> str:
    """Debian keeps the programs of each major version in a folder of its own, outside PATH."""
    folders = [Path(each) for each in PATH.split(":")]
    candidates = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *folders]
    for each in candidates:
        if os.access(each / name, os.X_OK):
            return str(each / name)
    raise ServerFailedError(f"{name} is missing: see .ci/packages for the package it comes from")

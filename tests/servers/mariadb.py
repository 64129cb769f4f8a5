"""MariaDB with fresh system tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portproof.model.endpoint import Endpoint
from servers.process import accepts, account, endpoint, folder, free_port, program, run, running


@contextmanager
def mariadb() -> Iterator[Endpoint]:
    """Make the system tables (some seconds) and run the server."""
    owner = account()
    port = free_port()
    with folder(owner) as home:
        data = home / "data"
        common = ["--no-defaults", f"--datadir={data}"]
        install = [
            program("mariadb-install-db"),
            *common,
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        run(install, owner=owner, cwd=home)
        argv = [
            program("mariadbd"),
            *common,
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={home}/sock",
            f"--pid-file={home}/pid",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=8M",
        ]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)

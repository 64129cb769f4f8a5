"""Real servers, started once per test process: making a database cluster takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import servers
from portproof.model.endpoint import Endpoint
from servers.nginx import Nginx


@pytest.fixture(scope="session")
def openssh() -> Iterator[Endpoint]:
    with servers.openssh() as server:
        yield server


@pytest.fixture(scope="session")
def nginx() -> Iterator[Nginx]:
    with servers.nginx() as server:
        yield server


@pytest.fixture(scope="session")
def postfix() -> Iterator[Endpoint]:
    with servers.postfix() as server:
        yield server


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Endpoint]:
    with servers.mail_server() as server:
        yield server


@pytest.fixture(scope="session")
def vsftpd() -> Iterator[Endpoint]:
    with servers.vsftpd() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Endpoint]:
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="session")
def locked_redis() -> Iterator[Endpoint]:
    with servers.redis(password="only-for-this-test") as server:
        yield server


@pytest.fixture(scope="session")
def tls_redis() -> Iterator[Endpoint]:
    with servers.redis(tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Endpoint]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def tls_postgresql() -> Iterator[Endpoint]:
    with servers.postgresql(tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Endpoint]:
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def unbound() -> Iterator[Endpoint]:
    with servers.unbound() as server:
        yield server


@pytest.fixture(scope="session")
def refusing_unbound() -> Iterator[Endpoint]:
    with servers.unbound(access="refuse") as server:
        yield server


@pytest.fixture(scope="session")
def chrony() -> Iterator[Endpoint]:
    with servers.chrony() as server:
        yield server

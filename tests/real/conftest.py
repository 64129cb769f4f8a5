"""Real servers, started once for the tests of this folder: a database cluster takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import servers
from portproof.model.endpoint import Endpoint
from servers.nginx import Nginx


@pytest.fixture(scope="package")
def openssh() -> Iterator[Endpoint]:
    with servers.openssh() as server:
        yield server


@pytest.fixture(scope="package")
def nginx() -> Iterator[Nginx]:
    with servers.nginx() as server:
        yield server


@pytest.fixture(scope="package")
def postfix() -> Iterator[Endpoint]:
    with servers.postfix() as server:
        yield server


@pytest.fixture(scope="package")
def mail_server() -> Iterator[Endpoint]:
    with servers.mail_server() as server:
        yield server


@pytest.fixture(scope="package")
def vsftpd() -> Iterator[Endpoint]:
    with servers.vsftpd() as server:
        yield server


@pytest.fixture(scope="package")
def redis() -> Iterator[Endpoint]:
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="package")
def locked_redis() -> Iterator[Endpoint]:
    with servers.redis(password="only-for-this-test") as server:
        yield server


@pytest.fixture(scope="package")
def tls_redis() -> Iterator[Endpoint]:
    with servers.redis(tls=True) as server:
        yield server


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Endpoint]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="package")
def tls_postgresql() -> Iterator[Endpoint]:
    with servers.postgresql(tls=True) as server:
        yield server


@pytest.fixture(scope="package")
def mariadb() -> Iterator[Endpoint]:
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="package")
def unbound() -> Iterator[Endpoint]:
    with servers.unbound() as server:
        yield server


@pytest.fixture(scope="package")
def refusing_unbound() -> Iterator[Endpoint]:
    with servers.unbound(access="refuse") as server:
        yield server


@pytest.fixture(scope="package")
def chrony() -> Iterator[Endpoint]:
    with servers.chrony() as server:
        yield server

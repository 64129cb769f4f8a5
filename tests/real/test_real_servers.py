"""Every probe against the real server it was written for, from Debian's package."""

from __future__ import annotations

import os
import re

import pytest

import servers
from portproof.model.endpoint import Endpoint, Transport
from portproof.model.observation import Identification, PortState, Reason, Service
from portproof.model.scan import Timing
from portproof.probes import over
from portproof.scan.identify import Identified, IdentifyRequest, identify
from servers.certificates import HOST_NAME
from servers.chrony import STRATUM
from servers.nginx import Nginx
from udp_asking import Found, ask

# One process of xdist gets them all: the servers are shared, and started once.
pytestmark = pytest.mark.real_server


def identified(*endpoints: Endpoint, name: str | None = None) -> list[Service]:
    """Identify open ports; fails unless each of them is recognised."""
    found: dict[Endpoint, Identified] = {}
    identify(
        [IdentifyRequest(each, name) for each in endpoints],
        timing=Timing(),
        max_connections=20,
        per_host=20,
        stop=lambda: False,
        on_result=lambda result: found.update({result.endpoint: result}),
    )
    services = [found[each].service for each in endpoints]
    assert None not in services, [found[each].raw for each in endpoints]
    return [service for service in services if service is not None]


def asked(endpoint: Endpoint) -> Found:
    """Ask a UDP port with every UDP probe there is."""
    timing = Timing(udp_timeout_ms=500)
    (found,) = ask(endpoint, probes=over(Transport.UDP), timing=timing)
    return found


def test_openssh_shows_its_version_and_algorithms(openssh: Endpoint) -> None:
    (service,) = identified(openssh)
    assert service.name == "ssh"
    assert service.product.startswith("OpenSSH_")
    assert service.attributes["protocol"] == "2.0"
    assert service.attributes["host_key_algorithms"] == "ssh-ed25519"
    assert "curve25519-sha256" in service.attributes["kex_algorithms"].split(",")


def test_nginx_in_clear_text_is_http(nginx: Nginx) -> None:
    (service,) = identified(nginx.http)
    assert service.name == "http"
    assert re.match(r"nginx/\d+\.\d+", service.product)
    assert service.attributes["status"] == "200"


def test_nginx_that_wants_a_password_shows_the_scheme(nginx: Nginx) -> None:
    (service,) = identified(nginx.locked)
    assert service.attributes["status"] == "401"
    assert service.attributes["auth"] == "basic"


def test_nginx_inside_tls_is_https_with_its_certificate(nginx: Nginx) -> None:
    (service,) = identified(nginx.https, name=HOST_NAME)
    assert service.name == "https"
    assert service.identified_by is Identification.PROTOCOL
    assert service.attributes["location"] == f"https://{HOST_NAME}/login"
    assert service.tls is not None
    assert service.tls.version == "TLSv1.3"
    assert service.tls.server_name == HOST_NAME
    assert service.tls.certificate is not None
    assert service.tls.certificate.names == (HOST_NAME, "127.0.0.1")
    assert service.tls.certificate.not_after == nginx.pair.not_after
    assert service.tls.certificate.self_signed


@pytest.mark.parametrize(("option", "version"), [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")])
def test_a_server_of_a_forbidden_tls_version_is_seen_all_the_same(
    option: str, version: str
) -> None:
    with servers.old_tls(option) as appliance:
        (service,) = identified(appliance)
    assert service.name == "https"
    assert service.tls is not None
    assert service.tls.version == version


@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix itself runs as root only")
def test_postfix_offers_tls(postfix: Endpoint) -> None:
    (service,) = identified(postfix)
    assert (service.name, service.product) == ("smtp", "Postfix")
    assert service.attributes == {"tls": "offered"}


def test_vsftpd_offers_tls(vsftpd: Endpoint) -> None:
    (service,) = identified(vsftpd)
    assert service.name == "ftp"
    assert service.product.startswith("vsFTPd 3.")
    assert service.attributes == {"tls": "offered"}


def test_an_open_redis_tells_its_version(redis: Endpoint) -> None:
    (service,) = identified(redis)
    assert service.name == "redis"
    assert re.match(r"Redis \d+\.\d+", service.product)
    assert service.attributes == {"auth": "none", "mode": "standalone"}


def test_a_redis_with_a_password_is_locked(locked_redis: Endpoint) -> None:
    (service,) = identified(locked_redis)
    assert (service.name, service.attributes) == ("redis", {"auth": "required"})


def test_a_redis_inside_tls_is_tls_with_its_certificate(tls_redis: Endpoint) -> None:
    (service,) = identified(tls_redis)
    assert (service.name, service.identified_by) == ("tls", Identification.TLS)
    assert service.tls is not None
    assert service.tls.certificate is not None


def test_postgresql_without_tls(postgresql: Endpoint) -> None:
    (service,) = identified(postgresql)
    assert service.name == "postgresql"
    assert service.attributes["tls"] == "not offered"
    assert service.attributes["protocol"].startswith("3.0")


def test_postgresql_with_tls_shows_its_certificate(tls_postgresql: Endpoint) -> None:
    (service,) = identified(tls_postgresql)
    assert service.name == "postgresql"
    assert service.attributes["tls"] == "offered"
    assert service.tls is not None
    assert service.tls.certificate is not None
    assert service.tls.certificate.subject == f"CN={HOST_NAME}"


def test_mariadb_greets_with_its_version(mariadb: Endpoint) -> None:
    (service,) = identified(mariadb)
    assert service.name == "mysql"
    assert re.match(r"MariaDB \d+\.\d+", service.product)
    assert service.attributes["auth_plugin"] == "mysql_native_password"


def test_unbound_offers_recursion_and_tells_its_version(unbound: Endpoint) -> None:
    seen = asked(unbound)
    assert seen.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert seen.service is not None
    assert seen.service.name == "dns"
    assert seen.service.product.startswith("unbound 1.")
    assert seen.service.attributes["recursion"] == "offered"


def test_unbound_that_refuses_us_is_open_without_recursion(refusing_unbound: Endpoint) -> None:
    seen = asked(refusing_unbound)
    assert seen.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert seen.service == Service("dns", "", {"recursion": "refused", "rcode": "5"})


def test_chrony_tells_its_stratum(chrony: Endpoint) -> None:
    seen = asked(chrony)
    assert seen.verdict == (PortState.OPEN, Reason.UDP_RESPONSE)
    assert seen.service == Service(
        "ntp",
        attributes={"version": "4", "stratum": str(STRATUM), "synchronised": "yes"},
    )


def test_ten_real_servers_at_once_are_all_told_apart(  # noqa: PLR0913, PLR0917 - fixtures
    openssh: Endpoint,
    nginx: Nginx,
    mail_server: Endpoint,
    vsftpd: Endpoint,
    redis: Endpoint,
    locked_redis: Endpoint,
    postgresql: Endpoint,
    tls_postgresql: Endpoint,
    mariadb: Endpoint,
) -> None:
    expected = {
        openssh: "ssh",
        nginx.http: "http",
        nginx.https: "https",
        mail_server: "smtp",
        vsftpd: "ftp",
        redis: "redis",
        locked_redis: "redis",
        postgresql: "postgresql",
        tls_postgresql: "postgresql",
        mariadb: "mysql",
    }
    assert [service.name for service in identified(*expected)] == list(expected.values())

"""TLS as real servers speak it: one version only, by name, with a certificate demanded of us."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from conversing import collect, converse
from playbook import context
from portproof.model.endpoint import Endpoint
from portproof.model.observation import Service
from portproof.model.probe import StartTls, Turn
from portproof.model.scan import Timing
from portproof.probes import tls_hello
from portproof.scan.identify import Identified, IdentifyRequest, identify
from servers.certificates import self_made
from servers.process import accepts, account, endpoint, folder, free_port, give, program, running

pytestmark = pytest.mark.real_server

SITE = """
  server {{
    listen 127.0.0.1:{port} ssl; server_name {name};
    ssl_certificate {home}/{pair}/certificate.pem; ssl_certificate_key {home}/{pair}/key.pem;
    {options}
    location / {{ return 200 "hello"; }}
  }}
"""
CONFIG = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  {sites}
}}
"""
OLD, NEW, CLIENT, NAMED = range(4)


class Web:
    """nginx with one site per kind of TLS; `sha256` of the certificates by folder."""

    def __init__(self, home: Path) -> None:
        self.endpoints = [endpoint(free_port()) for _ in range(4)]
        self.sha256 = {each.name: fingerprint(each) for each in home.iterdir() if each.is_dir()}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    owner = account()
    with folder(owner) as home:
        for name in ("plain.example", "named.example"):
            (home / name).mkdir()
            self_made(home / name, name=name)
        site = Web(home)
        ports = [each.port for each in site.endpoints]
        kinds = (
            (OLD, "plain.example", "ssl_protocols TLSv1.2;"),
            (NEW, "plain.example", "ssl_protocols TLSv1.3;"),
            (CLIENT, "plain.example", "ssl_verify_client on; ssl_client_certificate {ca};"),
            (NAMED, "plain.example", "ssl_protocols TLSv1.2 TLSv1.3;"),
            (NAMED, "named.example", "ssl_protocols TLSv1.2 TLSv1.3;"),
        )
        sites = "".join(
            SITE.format(
                port=ports[kind],
                name=name,
                home=home,
                pair=name,
                options=options.format(ca=home / "plain.example" / "certificate.pem"),
            )
            for kind, name, options in kinds
        )
        config = home / "nginx.conf"
        config.write_text(CONFIG.format(home=home, sites=sites))
        give(home, owner)
        argv = [program("nginx"), "-p", str(home), "-e", "stderr", "-c", str(config)]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(ports[NAMED])):
            yield site


def fingerprint(pair: Path) -> str:
    pem = x509.load_pem_x509_certificate((pair / "certificate.pem").read_bytes())
    return hashlib.sha256(pem.public_bytes(Encoding.DER)).hexdigest()


@contextmanager
def s_server(*options: str) -> Iterator[Endpoint]:
    """openssl's test server with these options, its own certificate, and HTTP."""
    owner, port = account(), free_port()
    with folder(owner) as home:
        pair = self_made(home)
        give(home, owner)
        argv = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-www"]
        argv += ["-cert", str(pair.certificate), "-key", str(pair.key), *options]
        with running(argv, owner=owner, cwd=home, ready=lambda: accepts(port)):
            yield endpoint(port)


def service_of(where: Endpoint, name: str | None = None) -> Service:
    """Identify one port; fails unless it is recognised."""
    found: list[Identified] = []
    identify(
        [IdentifyRequest(where, name)],
        timing=Timing(),
        max_connections=4,
        per_host=4,
        stop=lambda: False,
        on_result=found.append,
    )
    assert found[0].service is not None, found[0].raw
    return found[0].service


def read_in_the_clear(where: Endpoint, name: str | None = None) -> Service | None:
    return converse(where, tls_hello.hold(context(name=name)), timeout_s=5.0).service


def sha256_of(service: Service | None) -> str:
    assert service is not None
    assert service.tls is not None
    assert service.tls.certificate is not None
    return service.tls.certificate.sha256


@pytest.mark.parametrize(("kind", "version"), [(OLD, "TLSv1.2"), (NEW, "TLSv1.3")])
def test_a_server_of_one_version_is_identified_with_it(web: Web, kind: int, version: str) -> None:
    service = service_of(web.endpoints[kind])
    assert service.name == "https"
    assert service.tls is not None
    assert service.tls.version == version
    assert sha256_of(service) == web.sha256["plain.example"]


def test_the_clear_reading_shows_the_same_certificate_as_a_handshake(web: Web) -> None:
    clear, full = read_in_the_clear(web.endpoints[OLD]), service_of(web.endpoints[OLD])
    assert clear is not None
    assert clear.tls is not None
    assert full.tls == clear.tls
    assert clear.attributes == {"handshake": "not finished"}


def test_the_clear_reading_of_a_server_of_tls_1_3_shows_the_alert_and_no_facts(web: Web) -> None:
    clear = read_in_the_clear(web.endpoints[NEW])
    assert clear is not None
    assert clear.tls is None
    assert clear.attributes["alert"] == "protocol_version"


@pytest.mark.parametrize("name", ["plain.example", "named.example"])
def test_the_name_chooses_the_certificate_in_both_ways(web: Web, name: str) -> None:
    where = web.endpoints[NAMED]
    assert sha256_of(service_of(where, name)) == web.sha256[name]
    assert sha256_of(read_in_the_clear(where, name)) == web.sha256[name]


def test_nginx_that_demands_a_certificate_shows_its_own(web: Web) -> None:
    service = service_of(web.endpoints[CLIENT])
    assert service.attributes["status"] == "400"
    assert sha256_of(service) == web.sha256["plain.example"]
    clear = read_in_the_clear(web.endpoints[CLIENT])
    assert clear is not None
    assert clear.attributes["client_certificate"] == "requested"


def test_a_server_that_refuses_whoever_has_no_certificate_shows_its_own_all_the_same() -> None:
    """In TLS 1.2 it ends the handshake; what it said before that is in clear text."""
    with s_server("-Verify", "1", "-tls1_2") as strict:
        service = service_of(strict)
    assert service.name == "tls"
    assert service.attributes["client_certificate"] == "required"
    assert service.attributes["handshake"] == "not finished"
    assert service.tls is not None
    assert service.tls.version == "TLSv1.2"
    assert service.tls.cipher.startswith("ECDHE-ECDSA-")
    assert service.tls.certificate is not None


def test_tls_1_3_refuses_only_after_the_handshake_and_says_why() -> None:
    with s_server("-Verify", "1", "-tls1_3") as strict:
        service = service_of(strict)
    assert service.name == "tls"
    assert service.attributes == {"client_certificate": "required"}
    assert service.tls is not None
    assert service.tls.version == "TLSv1.3"


@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix itself runs as root only")
def test_postfix_takes_up_tls_inside_the_conversation(postfix: Endpoint) -> None:
    line = Turn(until=b"\n")
    script = collect(
        line,
        Turn(b"EHLO portproof.invalid\r\n"),
        Turn(b"STARTTLS\r\n", until=b"\n"),
        StartTls(),
        Turn(b"EHLO portproof.invalid\r\n"),
        Turn(b"QUIT\r\n", until=b"\n"),
    )
    held: Any = converse(postfix, script, timeout_s=5.0).service
    greeting, offered, ready, facts, inside, farewell = held
    assert greeting.startswith(b"220 ")
    assert b"STARTTLS" in offered
    assert ready.startswith(b"220 ")
    assert facts is not None
    assert b"STARTTLS" not in inside
    assert farewell.startswith(b"221 ")

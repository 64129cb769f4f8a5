from __future__ import annotations

import gzip
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from portproof.errors import SourceError
from portproof.model.source import WebOptions
from sources.answers import GROUPS, NETBOX_FIRST, NETBOX_SECOND
from sources.world import SECRET, TOKEN, Site, World, serving


def test_a_redirect_is_refused_and_named(world: World) -> None:
    world.site.says("/sd", b"", status=302, headers={"Location": "http://evil.example.net/"})
    with pytest.raises(SourceError, match=r"302 towards http://evil\.example\.net/.*redirects"):
        world.source("http_sd", world.web("/sd", token=True)).fetch()


def test_a_next_page_on_another_host_never_gets_the_token(world: World) -> None:
    other = Site()
    with serving(other.server):
        page = {"next": f"{other.url}/more", "results": NETBOX_FIRST}
        world.site.says("/api/ipam/ip-addresses/", page)
        with pytest.raises(SourceError, match="its next page is on another host"):
            world.source("netbox", world.web(token=True)).fetch()
    assert other.asked == []


def test_a_list_of_several_pages_is_read_to_the_last(world: World) -> None:
    path = "/api/ipam/ip-addresses/"
    world.site.says(path, {"next": f"{world.site.url}{path}?offset=1", "results": NETBOX_FIRST})
    world.site.says(f"{path}?offset=1", {"next": None, "results": NETBOX_SECOND})
    device, address = world.source("netbox", world.web(token=True)).fetch().items
    assert [str(each) for each in device.addresses] == ["192.0.2.10", "2001:db8::10"]
    assert (device.owner, device.attributes["name"]) == ("net-team", "web-1")
    assert address.id == "ip-address/3"
    assert world.site.asked[0].headers["Authorization"] == f"Token {SECRET}"


def test_pages_without_end_are_an_error(world: World) -> None:
    path = "/api/ipam/ip-addresses/"
    world.limits = type(world.limits)(requests=3)
    world.site.says(path, {"next": f"{world.site.url}{path}", "results": []})
    with pytest.raises(SourceError, match="too many pages"):
        world.source("netbox", world.web()).fetch()


def test_an_answer_that_was_compressed_unasked_is_refused(world: World) -> None:
    world.site.says("/sd", gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceError, match="compressed, unasked"):
        world.source("http_sd", world.web("/sd")).fetch()


def test_a_token_is_never_sent_unencrypted_to_another_machine(world: World) -> None:
    options = WebOptions(url="http://192.0.2.1/", token=TOKEN)
    with pytest.raises(SourceError, match="the token would be sent unencrypted"):
        world.source("consul", options).fetch()


def test_nobody_listening_is_an_error_with_what_to_do(world: World) -> None:
    with pytest.raises(SourceError, match="check the URL"):
        world.source("http_sd", WebOptions(url="http://127.0.0.1:1/")).fetch()


def test_a_certificate_is_checked_and_its_authority_can_be_named(world: World) -> None:
    certificate = world.folder / "server.pem"
    write_certificate(certificate)
    site = Site()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    site.server.handle_error = lambda *_: None  # type: ignore[method-assign] # the client hangs up
    site.says("/sd", GROUPS)
    url = f"https://127.0.0.1:{site.server.server_port}/sd"
    with ExitStack() as ends:
        ends.enter_context(serving(site.server))
        with pytest.raises(SourceError, match="name its certificate authority under 'ca'"):
            world.source("http_sd", WebOptions(url=url, token=TOKEN)).fetch()
        assert site.asked == []
        trusted = WebOptions(url=url, token=TOKEN, ca=certificate)
        assert len(world.source("http_sd", trusted).fetch().items) == 3
    assert site.asked[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert isinstance(site.server, ThreadingHTTPServer)


def write_certificate(path: Path) -> None:
    """Write a certificate that signs itself for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))

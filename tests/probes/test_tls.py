from __future__ import annotations

import pytest

from playbook import FACTS, context, play
from portproof.model.observation import Identification, Service
from portproof.model.probe import StartTls
from portproof.probes.tls import Tls

PLAIN_TLS = Service("tls", "", {}, Identification.TLS, FACTS)


def test_http_inside_tls_is_https() -> None:
    played = play(Tls(), FACTS, b"HTTP/1.1 200 OK\r\nServer: caddy\r\n\r\n")
    assert played.service == Service(
        "https", "caddy", {"version": "1.1", "status": "200"}, Identification.PROTOCOL, FACTS
    )


def test_anything_else_inside_leaves_it_tls() -> None:
    assert play(Tls(), FACTS, b"what?\r\n").service == PLAIN_TLS


def test_no_handshake_no_tls_and_nothing_is_asked() -> None:
    played = play(Tls(), None)
    assert played.service is None
    assert played.sent == []


def test_the_listed_name_is_sent_in_the_handshake() -> None:
    assert play(Tls(), where=context(name="shop.example")).steps == [StartTls("shop.example")]


@pytest.mark.parametrize("port", [636, 853, 6379, 8883])
def test_ports_of_other_protocols_are_not_asked_in_http(port: int) -> None:
    played = play(Tls(), FACTS, where=context(port=port))
    assert played.service == PLAIN_TLS
    assert played.sent == []


@pytest.mark.parametrize(
    ("port", "line", "inside"),
    [
        (993, b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "imap"),
        (995, b"+OK Dovecot ready.\r\n", "pop3"),
        (465, b"220 mail.example ESMTP Postfix\r\n", "smtp"),
        (990, b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
    ],
)
def test_a_greeting_inside_tls_tells_what_it_protects(port: int, line: bytes, inside: str) -> None:
    played = play(Tls(), FACTS, line, where=context(port=port))
    assert played.service is not None
    assert played.service.attributes["inside"] == inside
    assert played.sent == []


def test_a_port_of_mail_without_a_known_greeting_is_just_tls() -> None:
    assert play(Tls(), FACTS, b"hello\r\n", where=context(port=993)).service == PLAIN_TLS

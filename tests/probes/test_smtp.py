from __future__ import annotations

from playbook import play
from portproof.model.observation import Identification, Service
from portproof.probes.smtp import EHLO, QUIT, Smtp

GREETING = b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n"


def test_ehlo_tells_whether_tls_is_offered_and_a_password_would_go_in_clear_text() -> None:
    played = play(
        Smtp(),
        GREETING,
        b"250-mail.example\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n",
        b"221 Bye\r\n",
    )
    assert played.service == Service(
        "smtp", "Postfix (Debian/GNU)", {"tls": "offered", "auth_before_tls": "PLAIN LOGIN"}
    )
    assert played.sent == [EHLO, QUIT]


def test_no_starttls_in_the_list_is_not_offered() -> None:
    played = play(Smtp(), GREETING, b"250-mail.example\r\n250 SIZE 1000\r\n")
    assert played.service is not None
    assert played.service.attributes == {"tls": "not offered"}


def test_a_greeting_of_many_lines_is_one_greeting() -> None:
    played = play(Smtp(), b"220-mail ESMTP x\r\n220-no spam\r\n220 go\r\n", b"250 mail\r\n")
    assert played.service is not None
    assert played.service.product == "x"


def test_an_ftp_greeting_gets_no_ehlo() -> None:
    played = play(Smtp(), b"220 (vsFTPd 3.0.3)\r\n")
    assert played.service is None
    assert played.sent == []


def test_a_220_that_does_not_know_ehlo_is_nothing() -> None:
    assert play(Smtp(), b"220 welcome\r\n", b"500 what?\r\n").service is None


def test_a_refusal_that_names_smtp_is_smtp_by_its_banner() -> None:
    played = play(Smtp(), b"554 mail.example ESMTP not for you\r\n")
    assert played.service == Service(
        "smtp", "not for you", {"greeting": "554"}, Identification.BANNER
    )
    assert played.sent == []


def test_a_refusal_that_names_nothing_is_nothing() -> None:
    assert play(Smtp(), b"421 too busy\r\n").service is None


def test_a_server_older_than_ehlo_is_known_by_its_banner_only() -> None:
    played = play(Smtp(), b"220 relay SMTP ready\r\n", b"502 not implemented\r\n")
    assert played.service == Service("smtp", "ready", {}, Identification.BANNER)


def test_a_reply_that_never_ends_is_cut() -> None:
    played = play(Smtp(), GREETING, b"250-x\r\n" * 500)
    assert played.service is not None
    assert len(played.steps) < 100

from __future__ import annotations

import pytest

from playbook import play
from portproof.model.observation import Service
from portproof.probes.ftp import FEAT, QUIT, Ftp

FEATURES = b"211-Features:\r\n EPRT\r\n AUTH TLS\r\n UTF8\r\n211 End\r\n"


def test_the_feature_list_tells_whether_tls_is_offered() -> None:
    played = play(Ftp(), b"220 (vsFTPd 3.0.3)\r\n", FEATURES, b"221 Goodbye.\r\n")
    assert played.service == Service("ftp", "vsFTPd 3.0.3", {"tls": "offered"})
    assert played.sent == [FEAT, QUIT]


def test_a_list_of_mechanisms_counts_as_well() -> None:
    played = play(Ftp(), b"220 x\r\n", b"211-\r\n AUTH SSL;TLS\r\n211 End\r\n")
    assert played.service is not None
    assert played.service.attributes == {"tls": "offered"}


def test_features_without_tls_are_not_offered() -> None:
    played = play(Ftp(), b"220 x\r\n", b"211-Features:\r\n UTF8\r\n211 End\r\n")
    assert played.service == Service("ftp", "x", {"tls": "not offered"})


@pytest.mark.parametrize("refusal", [b"530 Please login.\r\n", b"500 Unknown command.\r\n"])
def test_a_refused_feature_list_leaves_tls_unknown(refusal: bytes) -> None:
    played = play(Ftp(), b"220-Hello\r\n220 ProFTPD Server\r\n", refusal)
    assert played.service == Service("ftp", "ProFTPD Server", {"tls": "unknown"})


def test_a_refusal_after_a_greeting_without_a_name_proves_nothing() -> None:
    """An SMTP server says 220 and then 500 to FEAT just so."""
    assert play(Ftp(), b"220 welcome\r\n", b"500 what?\r\n").service is None


def test_a_mail_server_gets_no_feat() -> None:
    played = play(Ftp(), b"220 mail.example ESMTP\r\n")
    assert played.service is None
    assert played.sent == []


def test_no_user_name_is_ever_sent() -> None:
    assert not any(b"USER" in payload for payload in play(Ftp(), b"220 FTP\r\n", FEATURES).sent)

from __future__ import annotations

import pytest

from playbook import play
from portproof.model.observation import Service
from portproof.probes.mysql import Mysql


def packet(body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + b"\0" + body


def greeting(version: bytes, *, capabilities: int = 0xF7FE, plugin: bytes = b"x_password") -> bytes:
    return packet(
        b"\x0a"
        + version
        + b"\0"
        + bytes(4)
        + b"scramble"
        + b"\0"
        + capabilities.to_bytes(2, "little")
        + b"\x2d"
        + b"\2\0"
        + b"\xff\x81"
        + bytes([21])
        + bytes(10)
        + b"scramble-too\0"
        + plugin
        + b"\0"
    )


def test_the_greeting_tells_version_tls_and_login_method() -> None:
    played = play(Mysql(), greeting(b"8.0.36"))
    assert played.service == Service(
        "mysql", "MySQL 8.0.36", {"tls": "not offered", "auth_plugin": "x_password"}
    )
    assert played.sent == []


def test_the_flag_of_tls_is_read() -> None:
    played = play(Mysql(), greeting(b"8.0.36", capabilities=0xFFFF))
    assert played.service is not None
    assert played.service.attributes["tls"] == "offered"


def test_mariadb_is_named_without_its_replication_prefix() -> None:
    played = play(Mysql(), greeting(b"5.5.5-10.11.6-MariaDB-0+deb12u1"))
    assert played.service is not None
    assert played.service.product == "MariaDB 10.11.6-MariaDB-0+deb12u1"


@pytest.mark.parametrize(("code", "text"), [(1130, b"Host is not allowed"), (1129, b"blocked")])
def test_an_error_in_place_of_the_greeting_is_mysql_too(code: int, text: bytes) -> None:
    played = play(Mysql(), packet(b"\xff" + code.to_bytes(2, "little") + text))
    assert played.service == Service("mysql", "", {"error": str(code)})


@pytest.mark.parametrize(
    "other",
    [
        b"220 mail.example ESMTP\r\n",
        packet(b"\x0b8.0.36\0"),
        packet(b"\xff\x01\0text"),
        packet(b"\x0a8.0.36"),
        greeting(b""),
        b"\x05\0\0\0\x0a",
    ],
)
def test_a_packet_that_is_no_greeting_is_nothing(other: bytes) -> None:
    assert play(Mysql(), other).service is None

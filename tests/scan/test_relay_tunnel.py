from __future__ import annotations

import socket
from pathlib import Path

import pytest

from portproof.errors import RelayError
from portproof.model.way import Way, WayKind
from portproof.scan.relay_tunnel import Tunnel


def refused(way: Way, why: str) -> None:
    with pytest.raises(RelayError, match=why) as told, Tunnel(way):
        pass
    assert "\n" not in str(told.value)


def test_a_proxy_that_is_not_there_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    way = Way(kind=WayKind.SOCKS5, host="127.0.0.1", port=port)
    refused(way, f"socks5 127.0.0.1:{port}: cannot be reached: Connection refused")


def test_a_proxy_without_an_address_is_one_clear_error() -> None:
    refused(Way(kind=WayKind.SOCKS5, host="proxy.invalid", port=1080), "has no address")


def test_a_password_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "word")
    way = Way(kind=WayKind.SOCKS5, host="127.0.0.1", port=1, user="a", password_file=missing)
    refused(way, "word: the proxy's password cannot be read: No such file")


def test_a_password_that_no_socks_server_can_take_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"x" * 256)
    long = str(tmp_path / "word")
    way = Way(kind=WayKind.SOCKS5, host="127.0.0.1", port=1, user="a", password_file=long)
    refused(way, "the password has more than 255 bytes")


def test_a_jump_host_that_is_not_there_is_told_in_the_words_of_ssh() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    refused(Way(kind=WayKind.SSH, host="127.0.0.1", port=port), "Connection refused")


def test_a_path_that_ssh_would_misread_is_refused() -> None:
    refused(Way(kind=WayKind.SSH, host="127.0.0.1", known_hosts='a"b'), "no quotation mark")


def test_a_closed_tunnel_dials_nobody() -> None:
    with pytest.raises(RelayError, match="is not open"):
        Tunnel(Way(kind=WayKind.SSH, host="jump")).dial(None)  # type: ignore[arg-type]

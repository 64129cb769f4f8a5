from __future__ import annotations

from pathlib import Path

import pytest

from documents.writing import written
from portproof.documents import load_vantages
from portproof.errors import DocumentError
from portproof.evidence.vantage_key import VantageKey
from portproof.model.vantage import Vantages
from portproof.model.way import Way, WayKind

KEY = VantageKey(bytes(range(32))).line()


def loaded(folder: Path, said: str) -> Vantages:
    text = f"""\
zones: [{{name: internet, trust: untrusted}}]
vantages:
  - id: outside
    zone: internet
    {said}
"""
    return load_vantages(written(folder, text))


def test_a_vantage_has_neither_key_nor_way_unless_it_says_so(tmp_path: Path) -> None:
    read = loaded(tmp_path, "description: plain")
    assert (read.keys, read.ways) == ({}, {})


def test_a_key_is_kept_without_its_comment(tmp_path: Path) -> None:
    assert loaded(tmp_path, f'key: "{KEY} made in November"').keys == {"outside": KEY}


@pytest.mark.parametrize(
    ("said", "way"),
    [
        (
            "{socks5: 'proxy.example.net:1080'}",
            Way(kind=WayKind.SOCKS5, host="proxy.example.net", port=1080),
        ),
        ("{socks5: '[2001:db8::1]:9'}", Way(kind=WayKind.SOCKS5, host="2001:db8::1", port=9)),
        (
            "{ssh: audit@jump, at_once: 7}",
            Way(kind=WayKind.SSH, host="jump", user="audit", at_once=7),
        ),
        ("{ssh: 192.0.2.1, port: 2222}", Way(kind=WayKind.SSH, host="192.0.2.1", port=2222)),
        ("{ssh: 'audit@2001:db8::1'}", Way(kind=WayKind.SSH, host="2001:db8::1", user="audit")),
    ],
)
def test_ways_are_read(tmp_path: Path, said: str, way: Way) -> None:
    assert loaded(tmp_path, f"through: {said}").ways == {"outside": way}


def test_files_are_found_beside_the_document(tmp_path: Path) -> None:
    way = loaded(tmp_path, "through: {ssh: jump, identity_file: id, known_hosts: /etc/hosts}").ways
    assert way["outside"].identity_file == str(tmp_path / "id")
    assert way["outside"].known_hosts == "/etc/hosts"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("key: ssh-rsa AAAA", "expected a line 'ssh-ed25519 AAAA...'"),
        (f"key: {KEY[:-4]}", "cut off or damaged"),
        ("through: {}", "name one of socks5 and ssh"),
        ("through: {ssh: jump, socks5: 'a:1'}", "name one of socks5 and ssh"),
        ("through: {ssh: '-oProxyCommand=reboot'}", "expected user@host"),
        ("through: {ssh: 'a@-oProxyCommand=reboot'}", "expected user@host"),
        ("through: {ssh: 'a b'}", "expected user@host"),
        ("through: {socks5: proxy}", "expected host:port"),
        ("through: {socks5: 'proxy:70000'}", "expected host:port"),
        ("through: {socks5: 'proxy:0'}", "expected host:port"),
        ("through: {socks5: 'a:1', identity_file: id}", "'identity_file' goes with ssh alone"),
        ("through: {ssh: jump, user: me, password_file: w}", "'user' goes with socks5 alone"),
        ("through: {socks5: 'a:1', user: me}", "'user' and 'password_file' go together"),
        ("through: {ssh: jump, at_once: 0}", "greater than or equal to 1"),
    ],
)
def test_every_fault_has_its_place(tmp_path: Path, said: str, problem: str) -> None:
    with pytest.raises(DocumentError) as told:
        loaded(tmp_path, said)
    (fault,) = told.value.faults
    assert fault.line == 5
    assert problem in fault.problem

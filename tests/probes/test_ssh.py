from __future__ import annotations

from playbook import play
from portproof.model.observation import Service
from portproof.probes.ssh import OWN_LINE, Ssh

LISTS = (
    b"curve25519-sha256,kex-strict-s-v00@openssh.com",
    b"ssh-ed25519",
    b"aes128-ctr",
    b"aes256-ctr",
    b"hmac-sha1",
    b"hmac-sha2-256",
)


def kexinit(*lists: bytes) -> bytes:
    body = b"\x04\x14" + bytes(16) + b"".join(len(each).to_bytes(4) + each for each in lists)
    return len(body).to_bytes(4) + body


def test_the_identification_line_tells_the_software() -> None:
    played = play(Ssh(), b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    assert played.service == Service("ssh", "OpenSSH_9.2p1 Debian-2", {"protocol": "2.0"})
    assert played.sent == [OWN_LINE]


def test_kexinit_tells_the_algorithms_the_server_offers() -> None:
    played = play(Ssh(), b"SSH-2.0-x\r\n", kexinit(*LISTS))
    assert played.service == Service(
        "ssh",
        "x",
        {
            "protocol": "2.0",
            "kex_algorithms": "curve25519-sha256,kex-strict-s-v00@openssh.com",
            "host_key_algorithms": "ssh-ed25519",
            "ciphers": "aes256-ctr",
            "macs": "hmac-sha2-256",
        },
    )


def test_lines_before_the_identification_are_passed_over() -> None:
    played = play(Ssh(), b"Authorised use only\r\n", b"SSH-2.0-dropbear_2022\r\n")
    assert played.service == Service("ssh", "dropbear_2022", {"protocol": "2.0"})


def test_a_server_of_version_1_gets_no_reply_in_version_2() -> None:
    played = play(Ssh(), b"SSH-1.5-1.2.27\n")
    assert played.service == Service("ssh", "1.2.27", {"protocol": "1.5"})
    assert played.sent == []


def test_a_numbered_greeting_is_left_to_others_after_four_bytes() -> None:
    played = play(Ssh(), b"220 mail.example ESMTP\r\n")
    assert played.service is None
    assert len(played.steps) == 1


def test_a_greeting_without_end_is_not_followed() -> None:
    assert play(Ssh(), *[b"hello\n"] * 100).service is None


def test_a_packet_that_claims_gigabytes_is_not_read() -> None:
    played = play(Ssh(), b"SSH-2.0-x\r\n", b"\xff\xff\xff\xff")
    assert played.service == Service("ssh", "x", {"protocol": "2.0"})


def test_control_characters_in_the_software_name_do_not_reach_a_terminal() -> None:
    played = play(Ssh(), b"SSH-2.0-evil\x1b[2J\x00name\r\n")
    assert played.service is not None
    assert played.service.product == "evil [2J name"

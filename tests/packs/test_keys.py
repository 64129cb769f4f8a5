from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from portproof.errors import PackError
from portproof.evidence.vantage_key import vantage_key
from portproof.packs.keys import load_key, new_key


def test_a_new_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    first = new_key(tmp_path / "key").public
    with pytest.raises(PackError, match="is there already; a key is never overwritten"):
        new_key(tmp_path / "key")
    assert load_key(tmp_path / "key").public == first


def test_a_link_is_not_followed_to_write_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackError, match="is there already"):
        new_key(tmp_path / "key")
    assert not (tmp_path / "elsewhere").exists()


def test_openssh_reads_our_keys_and_prints_the_same_fingerprint(tmp_path: Path) -> None:
    key = new_key(tmp_path / "key").public
    command = ["ssh-keygen", "-l", "-f", str(tmp_path / "key")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert key.fingerprint in told.split()


def test_a_key_that_ssh_keygen_made_will_do(tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    public = vantage_key((tmp_path / "key.pub").read_text())
    signature = bytes.fromhex(load_key(tmp_path / "key").sign(b"a run"))
    assert public.has_signed(b"a run", signature)
    assert not public.has_signed(b"another run", signature)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(PackError, match=r"others may read it \(mode 0640\); chmod 600 it"):
        load_key(tmp_path / "key")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-t", "ed25519", "-N", "a passphrase"], id="a passphrase"),
        pytest.param(["-t", "rsa", "-b", "2048", "-N", ""], id="another algorithm"),
    ],
)
def test_only_an_ed25519_key_without_a_passphrase_will_do(
    tmp_path: Path, arguments: list[str]
) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments, "-f", str(tmp_path / "key")], check=True)
    with pytest.raises(PackError, match="no Ed25519 private key without a passphrase"):
        load_key(tmp_path / "key")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\x00 not a key")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(PackError, match="no Ed25519 private key"):
        load_key(tmp_path / "key")
    with pytest.raises(PackError, match="cannot be read: No such file"):
        load_key(tmp_path / "missing")

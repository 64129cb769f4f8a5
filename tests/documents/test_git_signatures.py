"""Who signed a commit: OpenPGP by gpg, X.509 by gpgsm, with the keys of the list alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from git_repos import Repo, document, row, run, trusted
from gnupg_keys import SigningKey, certificate, gnupg
from portproof.documents.git_repository import Repository
from portproof.documents.git_signatures import CommitSignatures
from portproof.model.approval import Approver, Approvers, Signature


@dataclass(frozen=True)
class Keys:
    """Keys that one list names, all but the stranger's."""

    good: SigningKey
    lapsed_before: SigningKey
    lapsed_since: SigningKey
    revoked: SigningKey
    stranger: SigningKey
    unknown: SigningKey
    listed: Approvers


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    folder = tmp_path_factory.mktemp("keys")
    with gnupg() as known, gnupg() as elsewhere:
        made = {
            "good": known.key("good"),
            "lapsed_before": known.key("early", expires="20250131T000000"),
            "lapsed_since": known.key("late", expires="20250301T000000"),
            "revoked": known.key("revoked", expires="20250131T000000"),
        }
        stranger = known.key("stranger")
        file = folder / "keys.asc"
        revoked = known.export(made["revoked"]) + known.revocation(made["revoked"])
        file.write_text(revoked + known.export())
        for each in ("lapsed_before", "revoked"):  # or GnuPG would not sign
            known.lengthen(made[each])
        approvers = (Approver(id=name, keys=(key.name,)) for name, key in made.items())
        listed = trusted(*approvers, keyring=file)
        yield Keys(**made, stranger=stranger, unknown=elsewhere.key("unknown"), listed=listed)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def signed(repo: Repo, key: SigningKey, listed: Approvers) -> Signature:
    """Have somebody sign a commit; gives what is made of it."""
    repo.write(document(row()))
    commit = repo.commit("CHG-1", key=key)
    return CommitSignatures(Repository(repo.folder), listed).of_commit(commit)


def test_an_openpgp_signature_by_a_listed_key_is_its_approver_s(repo: Repo, keys: Keys) -> None:
    assert signed(repo, keys.good, keys.listed) == Signature(principal="good", key=keys.good.name)


def test_a_key_that_expired_after_it_signed_speaks_as_it_did(repo: Repo, keys: Keys) -> None:
    assert signed(repo, keys.lapsed_since, keys.listed).principal == "lapsed_since"


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("lapsed_before", "had expired 2025-01-31T00:00:00Z, before it signed"),
        # Expired as well: GnuPG itself tells of that alone.
        ("revoked", "is revoked"),
        ("stranger", "is not by a key of the approvers list, but by openpgp:"),
        ("unknown", "it is by no key that keys.asc holds"),
    ],
)
def test_a_key_that_may_not_speak_is_refused_with_its_own_reason(
    repo: Repo, keys: Keys, which: str, told: str
) -> None:
    found = signed(repo, getattr(keys, which), keys.listed)
    assert (found.principal, found.key) == ("", "")
    assert told in found.refused


def test_a_subkey_speaks_for_its_primary_key(repo: Repo, tmp_path: Path) -> None:
    with gnupg() as known:
        primary = known.key("head")
        digits = primary.name.partition(":")[2]
        known.gpg("--quick-add-key", digits, "ed25519", "sign", "0", at="20250102T000000")
        (tmp_path / "keys.asc").write_text(known.export())
        head = Approver(id="head", keys=(primary.name,))
        listed = trusted(head, keyring=tmp_path / "keys.asc")
        assert signed(repo, primary, listed) == Signature(principal="head", key=primary.name)


def test_an_altered_commit_is_not_what_was_signed(repo: Repo, keys: Keys) -> None:
    signed(repo, keys.good, keys.listed)
    content = repo.git("cat-file", "commit", "HEAD") + "\n"
    altered = repo.write(content.replace("CHG-1", "CHG-2"), "altered")
    commit = repo.git("hash-object", "-t", "commit", "-w", str(altered))
    found = CommitSignatures(Repository(repo.folder), keys.listed).of_commit(commit)
    assert "it is not over this content" in found.refused


def test_without_a_keyring_the_list_is_told_to_name_one(repo: Repo, keys: Keys) -> None:
    found = signed(repo, keys.good, replace(keys.listed, keyring=None))
    assert "approvers.yaml names no file of keys for it (keyring)" in found.refused


@pytest.mark.parametrize("content", [b"", b"\xff\x00 no keys", b"-----BEGIN PGP PUBLIC KEY BLOCK"])
def test_a_keyring_without_a_key_is_said(
    repo: Repo, keys: Keys, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "keys.asc").write_bytes(content)
    found = signed(repo, keys.good, replace(keys.listed, keyring=tmp_path / "keys.asc"))
    assert "keys.asc holds no OpenPGP public key that gpg can read" in found.refused


def test_a_list_that_is_not_trusted_makes_no_key_anybody_s(repo: Repo, keys: Keys) -> None:
    found = signed(repo, keys.good, replace(keys.listed, unsigned="it is not signed"))
    assert found == Signature(refused="its signature (OpenPGP) is not verified: it is not signed")


def test_without_gpg_the_reason_is_that(
    repo: Repo, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(repo, keys.good, keys.listed)
    (tmp_path / "git").symlink_to(run(["which", "git"], tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    held = Repository(repo.folder)
    found = CommitSignatures(held, keys.listed).of_commit(held.head())
    assert found.refused.endswith("gpg is not installed, or not on the PATH")


def test_a_certificate_speaks_by_its_fingerprint_and_needs_no_authority(
    repo: Repo, tmp_path: Path
) -> None:
    key, cert = certificate(tmp_path, "head")
    other, _ = certificate(tmp_path, "other")
    listed = trusted(Approver(id="head", keys=(key.name,)), certificates=cert)
    assert signed(repo, key, listed) == Signature(principal="head", key=key.name)
    # GnuPG takes in what the signature brings with it; the list does not.
    assert "it is by no key that head.pem holds" in signed(repo, other, listed).refused


def test_the_user_s_own_keyring_has_no_say_and_is_left_alone(
    repo: Repo, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gnupg").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / ".gnupg"))
    assert signed(repo, keys.good, keys.listed).principal == "good"
    assert list((tmp_path / ".gnupg").iterdir()) == []

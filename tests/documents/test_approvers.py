"""The list of approvers: what it says, and whose signature it bears."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from documents.writing import faults_in, written
from git_repos import Person, person
from portproof.documents import load_approvers
from portproof.documents.approvers import NAMESPACE
from portproof.documents.ssh_signatures import SshKeygen
from portproof.model.approval import Approver

LOAD = partial(load_approvers, key=None)


@pytest.fixture
def owner(tmp_path: Path) -> Person:
    return person(tmp_path, "owner")


def sign(path: Path, by: Person, namespace: str = NAMESPACE) -> None:
    signature = SshKeygen().sign(path.read_bytes(), by.key, namespace)
    path.with_name(f"{path.name}.sig").write_bytes(signature)


def test_approvers_and_other_people_are_read(tmp_path: Path, owner: Person) -> None:
    path = written(
        tmp_path,
        f"""\
        approvals: verified
        ticket_pattern: "CHG-[0-9]+"
        approvers:
          - id: head@example.com
            aliases: [Head of Infrastructure]
            keys: "{owner.public} a comment"
            zones: [cde]
            begins: 2026-01-01
            ends: 2026-12-31
        people:
          web-team@example.com: [Web team, webteam]
        """,
    )
    read = LOAD(path)
    assert read.approvers == (
        Approver(
            id="head@example.com",
            aliases=("Head of Infrastructure",),
            keys=(owner.public,),
            zones=("cde",),
            begins=datetime(2026, 1, 1, tzinfo=UTC),
            ends=datetime(2027, 1, 1, tzinfo=UTC),
        ),
    )
    assert read.aliases == {
        "Web team": "web-team@example.com",
        "webteam": "web-team@example.com",
    }
    assert read.verified_only
    assert not read.trusted


def test_every_fault_has_its_place(tmp_path: Path, owner: Person) -> None:
    path = written(
        tmp_path,
        f"""\
        ticket_pattern: "["
        approvers:
          - {{id: one@example.com, keys: ["{owner.public}"]}}
          - {{id: two@example.com, keys: ["{owner.public}"], aliases: [One@example.com]}}
          - {{id: "a b", keys: [ssh-dss AAAA]}}
          - {{id: three, begins: 2026-02-01, ends: 2026-01-01}}
        """,
    )
    found = faults_in(LOAD, path)
    for told in (
        "1:17 is no regular expression",
        "one@example.com's already; each has a key of his or her own",
        "'One@example.com' is a name of one@example.com already",
        "5:10 expected an e-mail address or a role without spaces",
        "5:24 expected an OpenSSH public key",
        "6:43 ends before it begins",
    ):
        assert any(told in each for each in found), (told, found)


def test_a_list_signed_by_the_configured_key_is_trusted(tmp_path: Path, owner: Person) -> None:
    path = written(tmp_path, "approvers: []")
    sign(path, owner)
    assert load_approvers(path, key=owner.key.with_suffix(".pub")).trusted


def test_an_unsigned_list_says_how_it_is_signed(tmp_path: Path, owner: Person) -> None:
    path = written(tmp_path, "approvers: []")
    told = load_approvers(path, key=owner.key).unsigned
    assert told.endswith("ssh-keygen -Y sign -n portproof-approvers -f KEY document.yaml")
    assert "no key is configured" in LOAD(path).unsigned


@pytest.mark.parametrize("change", ["content", "key", "namespace"])
def test_a_signature_that_is_not_over_this_list_is_refused(
    tmp_path: Path, owner: Person, change: str
) -> None:
    path = written(tmp_path, "approvers: []")
    by = person(tmp_path, "mallory") if change == "key" else owner
    sign(path, by, "git" if change == "namespace" else NAMESPACE)
    if change == "content":
        path.write_text("approvers: []\n# more")
    read = load_approvers(path, key=owner.key)
    assert "is not by the configured key" in read.unsigned
    assert not read.trusted


# ---------------------------------------------------------------- fingerprints


OPENPGP = "8781 DA77 2E06 EF09 4E79  F1CE 29B9 2BCF EC7D 55FB"
X509 = ":".join(["bb"] * 32)


def test_fingerprints_are_read_as_people_copy_them(tmp_path: Path) -> None:
    for name in ("keys.asc", "certs.pem"):
        (tmp_path / name).touch()
    path = written(
        tmp_path,
        f"""\
        keyring: keys.asc
        certificates: certs.pem
        approvers: [{{id: head, keys: ["openpgp:{OPENPGP}", "x509:{X509}"]}}]
        """,
    )
    read = LOAD(path)
    (head,) = read.approvers
    assert head.keys == (f"openpgp:{OPENPGP.replace(' ', '')}", f"x509:{'BB' * 32}")
    assert head.ssh_keys == ()
    assert (read.keyring, read.certificates) == (tmp_path / "keys.asc", tmp_path / "certs.pem")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("approvers: [{id: a, keys: 'openpgp:29B92BCFEC7D55FB'}]", "1:27 expected 40 hex digits"),
        ("approvers: [{id: a, keys: 'x509:29B9'}]", "1:27 expected 64 hex digits after x509:"),
        ("approvers: [{id: a, keys: 'gpg:29B9'}]", "1:27 expected an OpenSSH public key"),
        ("keyring: gone.asc\napprovers: []", "1:10 "),
        (f"approvers: [{{id: a, keys: 'openpgp:{OPENPGP}'}}]", "1:27 needs the key 'keyring'"),
        (f"approvers: [{{id: a, keys: 'x509:{X509}'}}]", "1:27 needs the key 'certificates'"),
    ],
)
def test_a_fingerprint_that_leads_nowhere_is_a_fault(tmp_path: Path, text: str, told: str) -> None:
    found = faults_in(LOAD, written(tmp_path, f"{text}\n"))
    assert any(each.startswith(told) for each in found), found


def test_one_fingerprint_is_one_person_s(tmp_path: Path) -> None:
    (tmp_path / "keys.asc").touch()
    key = f"keys: 'openpgp:{OPENPGP}'"
    text = f"keyring: keys.asc\napprovers: [{{id: a, {key}}}, {{id: b, {key}}}]\n"
    (found,) = faults_in(LOAD, written(tmp_path, text))
    assert "this key is a's already" in found

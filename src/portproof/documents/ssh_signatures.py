"""OpenSSH's own signatures (SSHSIG), made and verified by ssh-keygen.

ssh-keygen is the reference, and whoever doubts a report has it as well: a stranger verifies what is
signed here with `ssh-keygen -Y verify -f allowed_signers -I WHO -n NAMESPACE -s FILE.sig < FILE`,
without portproof. The format is described in OpenSSH's PROTOCOL.sshsig; the namespace is part of
what is signed, so that a signature over a commit can never stand for one over an approval.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.bounded import Ended, Limits, run_bounded
from portproof.errors import ApprovalError
from portproof.model.approval import Approver

SIGNING: Final = Limits(time_s=300.0)
"""A person may have to type a passphrase, or touch a token."""
LARGEST_SIGNATURE: Final = 64 * 1024

PRINCIPAL: Final = re.compile(r"[^\s\"*?!,#][^\s\"*?!,]{0,127}")
"""What stands in an allowed-signers file without being a pattern (ssh-keygen(1), ALLOWED SIGNERS)."""
PUBLIC_KEY: Final = re.compile(
    r"((?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?) "
    r"([A-Za-z0-9+/]{32,}={0,2})(?: .*)?"
)
_GOOD: Final = re.compile(r'Good "[^"]*" signature for (\S+) with \S+ key (SHA256:\S+)')
_INTACT: Final = re.compile(r'Good "[^"]*" signature with \S+ key (SHA256:\S+)')


class SshKeygen:
    """Signs and verifies through ssh-keygen."""

    def sign(self, content: bytes, key: Path, namespace: str) -> bytes:
        """Sign with a private key, or with the agent's when `key` is a public one; gives the text.

        Raises:
            ApprovalError: ssh-keygen refuses: no such key, a wrong passphrase, no agent.
        """
        with TemporaryDirectory(prefix="portproof-") as folder:
            held = Path(folder) / "content"
            held.write_bytes(content)
            command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(held)]
            done = run_bounded(command, limits=SIGNING, environment=_agent(), asks=True)
            signature = held.with_name("content.sig")
            if done.code or not signature.is_file():
                raise ApprovalError(f"{key} cannot sign: {_said(done)}")
            return signature.read_bytes()

    def public_key(self, key: Path) -> str:
        """Give the public half of a key: of `key` itself, or of the file beside it with `.pub`.

        Raises:
            ApprovalError: there is none, and it cannot be derived.
        """
        if not key.is_file():
            raise ApprovalError(f"{key}: there is no such key")
        beside = key if key.suffix == ".pub" else key.with_name(f"{key.name}.pub")
        if beside.is_file():
            text = beside.read_text(encoding="utf-8", errors="replace").strip()
        else:
            done = run_bounded(["ssh-keygen", "-y", "-P", "", "-f", str(key)])
            if done.code:
                problem = f"{key}: its public half is not beside it ({beside.name}): {_said(done)}"
                raise ApprovalError(problem)
            text = done.out.decode(errors="replace").strip()
        found = PUBLIC_KEY.fullmatch(text)
        if not found:
            raise ApprovalError(f"{beside}: is no OpenSSH public key")
        return f"{found[1]} {found[2]}"

    def verify(
        self, content: bytes, signature: bytes, signers: str, *, principal: str, namespace: str
    ) -> str:
        """Verify a signature by `principal`; gives the fingerprint of the key that made it.

        `signers` is the text of an allowed-signers file.

        Raises:
            ApprovalError: it is not by a key of that principal, or not over these bytes.
        """
        if len(signature) > LARGEST_SIGNATURE or not PRINCIPAL.fullmatch(principal):
            raise ApprovalError("it is no signature by a principal that could be known")
        with TemporaryDirectory(prefix="portproof-") as folder:
            allowed, signed = Path(folder) / "allowed_signers", Path(folder) / "signature"
            allowed.write_text(signers, encoding="utf-8")
            signed.write_bytes(signature)
            command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", principal]
            command += ["-n", namespace, "-s", str(signed)]
            done = run_bounded(command, given=content)
        found = _GOOD.search(done.out.decode(errors="replace"))
        if done.code or not found or found[1] != principal:
            raise ApprovalError(_said(done))
        return found[2]

    def signed_by(self, content: bytes, signature: bytes, namespace: str) -> str:
        """Give the fingerprint of the key that signed these bytes, whoever it belongs to.

        Raises:
            ApprovalError: it is no signature over these bytes.
        """
        if len(signature) > LARGEST_SIGNATURE:
            raise ApprovalError("it is larger than any signature")
        with TemporaryDirectory(prefix="portproof-") as folder:
            signed = Path(folder) / "signature"
            signed.write_bytes(signature)
            command = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", str(signed)]
            done = run_bounded(command, given=content)
        found = _INTACT.search(done.out.decode(errors="replace"))
        if done.code or not found:
            raise ApprovalError(_said(done))
        return found[1]


def allowed_signers(approvers: Iterable[Approver]) -> str:
    """Give the keys of the approvers as an allowed-signers file: one line per key.

    Without dates: whether somebody was entitled at the time is judged, and explained, by the
    policy, and ssh-keygen would only say no.
    """
    lines = (f"{each.id} {key}\n" for each in approvers for key in each.ssh_keys)
    return "".join(dict.fromkeys(lines))


def _agent() -> dict[str, str]:
    """Give the variables through which ssh-keygen reaches the agent and asks for a passphrase."""
    names = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "DISPLAY", "TERM")
    return {name: os.environ[name] for name in names if name in os.environ}


def _said(done: Ended) -> str:
    """Give the last line that a program said of its failure."""
    lines = [*done.err.split("\n"), *done.out.decode(errors="replace").split("\n")]
    told = [each.strip() for each in lines if each.strip()]
    return told[-1] if told else f"ssh-keygen ended with {done.code}"

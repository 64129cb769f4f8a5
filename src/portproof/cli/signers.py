"""Who signs: the person that a key belongs to in the list of approvers, else the one who is named."""

from __future__ import annotations

from pathlib import Path

from portproof.bootstrap import Application
from portproof.bootstrap.approvals import approver_of_key, approvers_of, public_key
from portproof.errors import ApprovalError


def signer(app: Application, key: Path, named: str, *, option: str) -> tuple[str, str]:
    """Give who signs, and the public half of the key; `option` is where `named` came from.

    Raises:
        ApprovalError: it is no key, it is nobody's and nobody is named, or it is somebody else's.
        DocumentError: the list of approvers has faults.
    """
    public = public_key(key)
    owner = approver_of_key(approvers_of(app), public)
    if owner and named and named != owner:
        raise ApprovalError(f"{key} is the key of {owner}, not of {named}")
    if not owner and not named:
        raise ApprovalError(
            f"{key} is in no list of approvers; say who you are with {option} "
            "(what you sign then stays self-declared)"
        )
    return owner or named, public

"""What is meant to be let through, from a file: nftables, iptables, AWS security groups, CSV.

Which of them it is, its content tells:

    {"nftables": ...}        nft -j list ruleset
    {"SecurityGroups": ...}  aws ec2 describe-security-groups
    *filter                  iptables-save, ip6tables-save
    source,host,...          a CSV of rules, with the header `source,host,transport,ports,action`
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from portproof.documents.intent_aws import aws_intent
from portproof.documents.intent_csv import csv_intent
from portproof.documents.intent_draft import Passage
from portproof.documents.intent_iptables import iptables_intent
from portproof.documents.intent_nft import nft_intent
from portproof.documents.text import Text, read_text
from portproof.errors import DocumentError
from portproof.model.reconcile import Intent

_TO_THE_HOST: Final = Passage()


def read_intent(path: Path, *, zones: Sequence[str], passage: Passage = _TO_THE_HOST) -> Intent:
    """Read what a firewall is meant to let through; `zones` are those that a CSV may name.

    Raises:
        DocumentError: it cannot be read, or is none of the four; with every fault.
    """
    text = read_text(path)
    start = text.content.lstrip()
    if start.startswith(("{", "[")):
        return _json(text, passage)
    if any(line.startswith("*") for line in start.splitlines()):
        return iptables_intent(text, passage)
    return csv_intent(text, zones)


def _json(text: Text, passage: Passage) -> Intent:
    try:
        document = json.loads(text.content)
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON: {error}"
        raise DocumentError([text.fault(getattr(error, "pos", 0), problem)]) from None
    try:
        if isinstance(document, dict) and "nftables" in document:
            return nft_intent(text.file, document, passage)
        if isinstance(document, dict) and "SecurityGroups" in document:
            return aws_intent(text, document)
    except (ValueError, TypeError, AttributeError, KeyError, StopIteration, RuntimeError) as error:
        raise DocumentError([text.fault(0, f"is not as expected: {error}")]) from None
    problem = (
        "holds neither 'nftables' (nft -j list ruleset) nor 'SecurityGroups' "
        "(aws ec2 describe-security-groups)"
    )
    raise DocumentError([text.fault(0, problem)])

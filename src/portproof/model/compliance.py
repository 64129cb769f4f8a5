"""Facts as asserted by one evaluation, and what they mean for the controls of a framework."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portproof.model.rule import Framework, FrameworkControl, Polarity


class ControlWord(StrEnum):
    """What a report may say of a control; `pass`, `compliant` and their like do not exist (law 1)."""

    SUPPORTED = "supported"
    EXCEPTIONS = "exceptions noted"
    INSUFFICIENT = "insufficient evidence"
    CONTEXT = "context provided"
    NOT_EVALUATED = "not evaluated"
    OUT_OF_SCOPE = "out of scope of this tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertedFact:
    """One fact asserted about one subject, leading to its evidence."""

    fact: str
    """Id from `facts.yaml`."""
    polarity: Polarity
    subject: str
    """`10.0.0.5:6379/tcp from internet`, or `run 20261121T…`."""
    because: str
    finding: str = ""
    """Fingerprint of the finding it belongs to; empty for facts about the run."""
    evidence: tuple[str, ...] = ()
    waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """What the facts say of one control, in the words of `ControlWord`."""

    control: FrameworkControl
    word: ControlWord
    because: str
    """One sentence: what the word rests on, or what is missing."""
    supporting: tuple[AssertedFact, ...] = ()
    exceptions: tuple[AssertedFact, ...] = ()
    context: tuple[AssertedFact, ...] = ()
    not_evaluated: tuple[str, ...] = ()
    """Fact ids of the control whose needs were not there (`facts.yaml`: needs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkResult:
    """All controls of one framework file."""

    framework: Framework
    results: tuple[ControlResult, ...]

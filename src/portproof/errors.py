"""The exception tree: mistakes in a file, a setting, a request or our own code.

What a *peer* does is never an exception (it is an `Observation`), and what *we* could not
measure is an `Unmeasured`. Exceptions are what a person has to mend::

    PortproofError
    ├── SpecificationError      a port or target specification does not parse
    ├── DocumentError           a YAML document has faults (all of them, each with its place)
    ├── ExpressionError         an expression of a custom rule does not compile
    ├── EvaluationError         an expression has no value for one port: that port is UNKNOWN
    ├── SettingsError           an option, environment variable or the configuration file
    ├── AuthorisationError      the scan is not authorised: nothing was sent
    │   └── BudgetError         it is authorised, but larger than the authorisation allows
    ├── StoreError              the database cannot be opened, read or written
    │   ├── StoreNewerError     its schema was made by a later portproof
    │   ├── StoreOutdatedError  its schema needs `portproof db upgrade`
    │   └── StoreLockedError    another run holds the run lock
    ├── SourceError             a target source cannot be read: its list is unknown, not empty
    ├── ApprovalError           an approval cannot be given, signed, or verified
    ├── TicketError             the ticket system cannot be used, or refuses what is asked
    │   └── TicketRefusedError  it refuses this one ticket; others may go on
    ├── FindingError            no finding of that id, or its state does not allow what is asked
    ├── EvidenceError           an evidence file cannot be read, or contradicts itself
    ├── PackError               a pack or its key is not what it must be; nothing was taken in
    ├── RelayError              the proxy or jump host of a vantage cannot be used
    └── RenderError             a report cannot be written (or its libraries are missing)

Every message is one line: what is wrong, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PortproofError(Exception):
    """The base of everything portproof raises on purpose; entry points exit 2 on it."""


class SpecificationError(PortproofError):
    """A port or target specification does not parse.

    `text` is the whole specification, `position` the 0-based offset of the fault in it
    (0 to `len(text)`), `problem` what was expected.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.text = text
        self.position = position
        self.problem = problem
        super().__init__(f"{text!r}, column {position + 1}: {problem}")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a document: `line` and `column` are 1-based; 0 where the file has none."""

    file: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.problem}"


class DocumentError(PortproofError):
    """A document has faults; all of them are in `faults`, in the order of their places."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ExpressionError(PortproofError):
    """An expression of a custom rule does not compile.

    `problems` are all that was found: the 0-based offset in the text, and what is wrong there.
    """

    def __init__(self, problems: Sequence[tuple[int, str]]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("; ".join(problem for _, problem in self.problems))


class EvaluationError(PortproofError):
    """An expression has no value for one port; nothing may be claimed by it there.

    `absent` is the name of the variable that was read and has no value; empty where the expression
    itself is at fault.
    """

    def __init__(self, problem: str, *, absent: str = "") -> None:
        self.absent = absent
        super().__init__(problem)


class SettingsError(PortproofError):
    """An option, an environment variable or the configuration file is wrong or missing."""


class AuthorisationError(PortproofError):
    """The scan is refused: no authorisation, an expired one, or targets outside it.

    `code` is a stable word for records and tests: `missing`, `not-yet-valid`, `expired`,
    `outside`, `excluded`, `name-not-permitted`, `rate`, `budget`, `changed`, `control`. `subject` is what was
    refused.
    """

    def __init__(self, code: str, subject: str, problem: str) -> None:
        self.code = code
        self.subject = subject
        super().__init__(f"refused ({code}): {subject}: {problem}")


class BudgetError(AuthorisationError):
    """The plan is authorised but larger than the authorisation's budget of probes."""

    def __init__(self, subject: str, problem: str) -> None:
        super().__init__("budget", subject, problem)


class StoreError(PortproofError):
    """The database cannot be opened, read or written."""


class StoreNewerError(StoreError):
    """The database's schema was made by a later portproof; nothing was changed."""


class StoreOutdatedError(StoreError):
    """The database's schema is older than this portproof: run `portproof db upgrade`."""


class StoreLockedError(StoreError):
    """Another run holds the store's run lock."""


class SourceError(PortproofError):
    """A target source cannot be read: its list is unknown, which is not the same as empty.

    `source` is its name in `sources.yaml`, `place` the file or URL, `remedy` what to do.
    """

    def __init__(self, source: str, place: str, problem: str, remedy: str) -> None:
        self.source = source
        self.place = place
        self.told = f"{place}: {problem}: {remedy}"
        super().__init__(f"source {source}: {self.told}")


class ApprovalError(PortproofError):
    """An approval cannot be given, signed, or verified; nothing was changed."""


class FindingError(PortproofError):
    """A finding is not there, is not named clearly, or its state does not allow what is asked."""


class TicketError(PortproofError):
    """The ticket system cannot be reached or used, or does not answer as its interface says."""


class TicketRefusedError(TicketError):
    """The ticket system refuses what was asked of one ticket; that says nothing of the others.

    `status` is that of its answer in HTTP.
    """

    def __init__(self, problem: str, status: int) -> None:
        self.status = status
        super().__init__(problem)


class EvidenceError(PortproofError):
    """An evidence file cannot be read, is of an unknown version, or contradicts itself."""


class PackError(PortproofError):
    """A pack (a run in one file) or its key is not what it must be; nothing was taken in."""


class RelayError(PortproofError):
    """The proxy or jump host that a vantage probes through cannot be used; nothing was probed."""


class RenderError(PortproofError):
    """A report cannot be written, or a library or font that it needs is missing."""

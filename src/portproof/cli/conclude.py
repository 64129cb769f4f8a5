"""What `audit` and `check` do with a stored run: judge it, report it, choose the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from portproof.bootstrap import REPORT_FORMATS, Application, probe_names
from portproof.bootstrap.forms import findings_table, summary_panel, to_text
from portproof.bootstrap.inventory import known_targets
from portproof.bootstrap.matrices import matrices_of
from portproof.cli.consoles import Patient
from portproof.contracts import Store
from portproof.model.evidence import EvidenceDocument
from portproof.model.finding import Severity
from portproof.policy.exit_code import exit_code
from portproof.usecases.check import CheckResult, check
from portproof.usecases.describe.case import gather
from portproof.usecases.describe.document import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judged run, ready to be shown."""

    checked: CheckResult
    document: EvidenceDocument


def judge(app: Application, store: Store, run_id: str, *, keep: bool = True) -> Verdict:
    """Check the run and describe it; without `keep` findings stay as they are.

    Raises:
        PortproofError: a document has faults, or the store cannot be read.
    """
    checked = check(
        store,
        app.documents,
        run_id,
        keep=keep,
        inventory=known_targets(app),
        matrices=matrices_of(store),
    )
    case = gather(store, app.clock, checked, checked.documents, app.imprint, probes=probe_names())
    return Verdict(checked=checked, document=describe(case))


def show(verdict: Verdict, form: str, console: Patient) -> None:
    """Write the verdict to standard output: as a table for people, else in a machine's form."""
    if form == "table":
        console.print(summary_panel(verdict.document))
        console.print(findings_table(verdict.document))
        return
    console.write(to_text(verdict.document, form))


def report(
    app: Application,
    verdict: Verdict,
    out: Path,
    console: Console,
    forms: Sequence[str] = REPORT_FORMATS,
) -> None:
    """Write the report into `out` in each of the formats, and say where they are."""
    for path in app.write_reports(verdict.document, out, forms):
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)


def code(app: Application, verdict: Verdict, *, exit_zero: bool) -> int:
    """Choose the exit code; `--exit-zero` silences findings and gaps, never an error."""
    fail_on = app.settings.fail_on or Severity.MEDIUM
    checked = verdict.checked
    false = {name for name, each in checked.findings.items() if each.is_false_positive}
    return 0 if exit_zero else exit_code(checked.evaluation, checked.run, fail_on, false)

"""Rules of one's own: read, looked through, tried on a run, and told as text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portproof.documents.custom_rules import lint_custom_rules, load_custom_rules
from portproof.errors import DocumentError, Fault, SettingsError
from portproof.expressions import CelLanguage
from portproof.model.custom_rule import VARIABLES, CustomJudging, Value
from portproof.model.linted import Linted
from portproof.policy.checks import RULES
from portproof.policy.custom_rules import told
from portproof.render.neutral import visible
from portproof.usecases.rule_trial import PortTrial, RuleTrial, Said

if TYPE_CHECKING:
    from portproof.bootstrap import Application
    from portproof.model.baseline import Baseline
    from portproof.model.vantage import Vantages

TRIAL_SCHEMA = "portproof.rule-trial/1"
TRIAL_FORMATS = ("text", "json")


def custom_judging(app: Application, path: Path) -> CustomJudging:
    """Read the rules of a document, with the means to judge by them.

    Raises:
        SettingsError: the language that they are written in is not installed.
        DocumentError: the document, or the baseline beside it, has faults.
    """
    document = load_custom_rules(
        path,
        language=CelLanguage(),
        vantages=app.vantages,
        baseline=app.baseline if app.settings.baseline is not None else None,
        taken=RULES,
    )
    return CustomJudging(document=document, elapsed_s=time.monotonic)


def rules_named(app: Application, files: Sequence[Path]) -> tuple[Path, ...]:
    """Give the files that were named, else the rules of the settings.

    Raises:
        SettingsError: neither names one.
    """
    if files:
        return tuple(files)
    if app.settings.rules is None:
        problem = "no rules are named: give a FILE, or name it as 'rules' in portproof.yaml"
        raise SettingsError(problem)
    return (app.settings.rules,)


def lint_rules(app: Application, files: Sequence[Path]) -> tuple[Linted, ...]:
    """Look through each file of rules as a check would, with the documents in force.

    Zones are judged where there is a configuration or a document of vantages, tags where there is a
    baseline. Where those have faults themselves, their faults are told besides, and neither is judged.

    Raises:
        SettingsError: the language that rules are written in is not installed.
    """
    language, faults = CelLanguage(), tuple[Fault, ...]()
    vantages: Vantages | None = None
    baseline: Baseline | None = None
    try:
        if app.settings.vantages is not None or app.config is not None:
            vantages = app.vantages
        if app.settings.baseline is not None:
            baseline = app.baseline
    except DocumentError as error:
        faults = error.faults
    looked = (
        lint_custom_rules(
            path, language=language, vantages=vantages, baseline=baseline, taken=RULES
        )
        for path in files
    )
    return (*looked, *(Linted(file=faults[0].file, faults=faults) for _ in faults[:1]))


def trial_text(trial: RuleTrial, *, every: bool) -> str:
    """Tell a trial for people: the ports it is true of, those it says nothing of, and the counts.

    With `every`, the ports that it is not true of as well.
    """
    return "".join(f"{visible(line)}\n" for line in _trial_lines(trial, every=every))


def _trial_lines(trial: RuleTrial, *, every: bool) -> Iterator[str]:
    shown = (Said.DEVIATES, Said.UNKNOWN, *((Said.CONFORMS,) if every else ()))
    for said in shown:
        for each in trial.of(said):
            yield f"{said:<8}  {each.endpoint}  {_values(trial, each)}"
            if each.why:
                yield f"{'':<8}  {each.why}"
    counts = ", ".join(f"{len(trial.of(each))} {_COUNTED[each]}" for each in Said)
    yield f"{trial.rule.id}, run {trial.run_id} from zone {trial.zone}: {counts}"
    yield f"{trial.not_asked} open ports lie outside its selectors"


_COUNTED = {
    Said.DEVIATES: "deviate",
    Said.CONFORMS: "do not",
    Said.UNKNOWN: "cannot be told",
}


def _values(trial: RuleTrial, tried: PortTrial) -> str:
    return told(tried.values, trial.rule.deviates.reads) or "(it reads nothing)"


def trial_json(trial: RuleTrial) -> str:
    """Write a trial with all of its ports as one JSON document."""
    document = {
        "schema": TRIAL_SCHEMA,
        "run": trial.run_id,
        "zone": trial.zone,
        "rule": trial.rule.id,
        "when": trial.rule.when,
        "reads": sorted(trial.rule.deviates.reads),
        "not_asked": trial.not_asked,
        "asked": [_tried(each) for each in trial.asked],
    }
    return json.dumps(document, indent=2) + "\n"


def _tried(tried: PortTrial) -> dict[str, Any]:
    return {
        "endpoint": str(tried.endpoint),
        "asset": tried.asset,
        "said": tried.said.value,
        "why": tried.why,
        "values": {name: _plain(value) for name, value in tried.values.items()},
    }


def _plain(value: Value) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def variables_text() -> str:
    """List what expressions may speak of: names, types, meaning, and when there is no value."""
    widest = max(len(each.name) for each in VARIABLES)
    kinds = max(len(each.kind) for each in VARIABLES)
    return "".join(
        f"{each.name:<{widest}}  {each.kind:<{kinds}}  {each.meaning}"
        f"{f' (no value: {each.absent})' if each.absent else ''}\n"
        for each in VARIABLES
    )

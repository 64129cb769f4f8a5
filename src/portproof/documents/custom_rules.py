"""`rules.yaml`: rules that a customer writes, each an expression that is compiled when it is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portproof.documents.custom_rules_shape import (
    AppliesShape,
    CustomRuleShape,
    CustomRulesShape,
)
from portproof.documents.portlists import read_ports
from portproof.documents.reading import Reading, Steps
from portproof.documents.wording import did_you_mean
from portproof.errors import DocumentError, ExpressionError
from portproof.model.baseline import Baseline
from portproof.model.custom_rule import PREFIX, VARIABLES, CustomRule, CustomRules, Predicate
from portproof.model.endpoint import Transport
from portproof.model.linted import Linted
from portproof.model.ports import PortSet
from portproof.model.vantage import Vantages

if TYPE_CHECKING:
    from portproof.contracts import ExpressionLanguage

BUDGET_S: Final = 60.0
_BRACE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def load_custom_rules(
    path: Path,
    *,
    language: ExpressionLanguage,
    vantages: Vantages | None = None,
    baseline: Baseline | None = None,
    taken: Collection[str] = (),
) -> CustomRules:
    """Read the rules, and compile their expressions.

    Zones are held against the vantages, and tags against the assets of the baseline, where those
    are given; `taken` are the ids of portproof's own rules, which none of these may have.

    Raises:
        DocumentError: with every fault of the file, those inside of expressions at their place.
    """
    reading = Reading(path)
    reading.unique("rules", "id", "rule id")
    document = reading.shape(CustomRulesShape)
    check = _Check(reading, language, vantages, baseline, taken)
    rules = [check.rule(("rules", position), each) for position, each in enumerate(document.rules)]
    reading.finish()
    return CustomRules(
        rules=tuple(each for each in rules if each is not None),
        budget_s=document.budget.seconds if document.budget else BUDGET_S,
        file=reading.file,
        digest=reading.digest,
    )


def lint_custom_rules(
    path: Path,
    *,
    language: ExpressionLanguage,
    vantages: Vantages | None,
    baseline: Baseline | None,
    taken: Collection[str],
) -> Linted:
    """Give all that is wrong with the rules, as a value instead of an error."""
    try:
        document = load_custom_rules(
            path, language=language, vantages=vantages, baseline=baseline, taken=taken
        )
    except DocumentError as error:
        return Linted(file=str(path), faults=error.faults)
    return Linted(file=str(path), files=(str(path),), entries=len(document.rules))


class _Check:
    """One reading of rules, and what their words are held against."""

    def __init__(
        self,
        reading: Reading,
        language: ExpressionLanguage,
        vantages: Vantages | None,
        baseline: Baseline | None,
        taken: Collection[str],
    ) -> None:
        self._reading, self._language, self._taken = reading, language, taken
        self._zones = None if vantages is None else [each.name for each in vantages.zones]
        assets = baseline.assets if baseline else ()
        self._tags = None if baseline is None else {tag for each in assets for tag in each.tags}

    def rule(self, at: Steps, shape: CustomRuleShape) -> CustomRule | None:
        """Give one rule; None where its expression does not compile, which is recorded."""
        if shape.id in self._taken:
            problem = f"'{shape.id}' is the id of a rule of portproof itself; choose another"
            self._reading.fault((*at, "id"), problem)
        deviates = self._compiled((*at, "when"), shape.when)
        self._check_sentence((*at, "because"), shape.because or "")
        applies = shape.applies or AppliesShape()
        tcp, udp = self._ports((*at, "applies"), applies)
        self._check_names((*at, "applies", "zones"), applies.zones, self._zones, "vantage zone")
        self._check_names((*at, "applies", "tags"), applies.tags, self._tags, "tag")
        if deviates is None:
            return None
        controls = (shape.controls or {}).items()
        return CustomRule(
            id=PREFIX + shape.id,
            title=shape.title,
            severity=shape.severity,
            when=shape.when,
            deviates=deviates,
            because=(shape.because or "").strip(),
            action=shape.action or "",
            controls=tuple(f"{key}:{control}" for key, ids in controls for control in ids),
            owner=shape.owner or "",
            tcp=tcp,
            udp=udp,
            zones=frozenset(applies.zones or ()),
            tags=frozenset(applies.tags or ()),
            location=self._reading.location(at),
        )

    def _compiled(self, at: Steps, text: str) -> Predicate | None:
        try:
            return self._language.compile(text, VARIABLES)
        except ExpressionError as error:
            for offset, problem in error.problems:
                self._reading.fault_inside(at, problem, offset)
            return None

    def _check_sentence(self, at: Steps, text: str) -> None:
        names = [each.name for each in VARIABLES]
        for offset, problem in _sentence_problems(text, names):
            self._reading.fault_inside(at, problem, offset)

    def _ports(self, at: Steps, shape: AppliesShape) -> tuple[PortSet, PortSet]:
        """Give the TCP and the UDP ports; a number without a transport is TCP, as in a baseline."""
        every, none = PortSet.all_ports(), PortSet.empty()
        if shape.ports is None:
            tcp = every if shape.transport is not Transport.UDP else none
            return tcp, every if shape.transport is not Transport.TCP else none
        spec = read_ports(self._reading, (*at, "ports"), shape.ports, shape.transport)
        return (spec.tcp, spec.udp) if spec is not None else (none, none)

    def _check_names(
        self, at: Steps, names: list[str] | None, known: Collection[str] | None, what: str
    ) -> None:
        for position, name in enumerate(names or () if known is not None else ()):
            self._reading.known((*at, position), name, known or (), what)


def _sentence_problems(text: str, names: list[str]) -> Iterator[tuple[int, str]]:
    for found in _BRACE.finditer(text):
        name = found[1]
        if found[0] in ("{{", "}}") or name in names:
            continue
        if name is None:
            yield found.start(), f"a lone {found[0]}; write {found[0] * 2} for the brace"
        else:
            yield found.start(1), f"unknown name {name!r}{did_you_mean(name, names)}"

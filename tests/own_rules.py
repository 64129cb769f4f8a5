"""Rules of one's own for tests, compiled by the real language."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from portproof.expressions import CelLanguage
from portproof.model.baseline import SourceLocation
from portproof.model.custom_rule import (
    PREFIX,
    VARIABLES,
    CustomJudging,
    CustomRule,
    CustomRules,
)
from portproof.model.finding import Severity
from portproof.model.ports import PortSet


@cache
def language() -> CelLanguage:
    """Give the language, which knows its variables from one test to the next."""
    return CelLanguage()


def rule(when: str, rule_id: str = "odd", **changes: Any) -> CustomRule:
    """Give a rule of medium severity that looks at every port."""
    defaults: dict[str, Any] = {
        "id": PREFIX + rule_id,
        "title": "Odd port",
        "severity": Severity.MEDIUM,
        "when": when,
        "deviates": language().compile(when, VARIABLES),
        "tcp": PortSet.all_ports(),
        "udp": PortSet.all_ports(),
        "location": SourceLocation(file="rules.yaml", line=4, column=5),
    }
    return CustomRule(**(defaults | changes))


def judging(
    *rules: CustomRule, budget_s: float = 60.0, elapsed_s: Callable[[], float] = lambda: 0.0
) -> CustomJudging:
    """Give a document of rules with a clock, which stands still unless another is given."""
    document = CustomRules(rules=rules, budget_s=budget_s, file="rules.yaml", digest="8" * 64)
    return CustomJudging(document=document, elapsed_s=elapsed_s)

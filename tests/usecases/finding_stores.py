"""Stores with findings in them, made by judging stored runs as the product does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import factories as make
from portproof.documents import load_facts
from portproof.model.baseline import Baseline
from portproof.model.deadlines import Deadlines
from portproof.model.finding import Actor, IdentitySource
from portproof.model.rule import FactDefinitions
from portproof.model.scan import ClockFacts, HostOutcome
from portproof.model.waiver import Waivers
from portproof.store.sql import SqlStore
from portproof.usecases.check import check
from portproof.usecases.findings import Held
from portproof.usecases.inputs import Documents

DAY = timedelta(days=1)
NET_TEAM = Actor(name="net-team", source=IdentitySource.OS_USER)


class At:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def facts(self) -> ClockFacts:
        return ClockFacts(source="test", synchronised=True)


def held(at: datetime = make.NOON, waivers: Waivers | None = None) -> Held:
    return Held(deadlines=Deadlines(), waivers=lambda: waivers, at=at)


@cache
def shipped_facts() -> FactDefinitions:
    return load_facts(Path(__file__).parents[2] / "policies/facts.yaml")


def documents(baseline: Baseline | None = None, waivers: Waivers | None = None) -> Documents:
    return Documents(
        baseline=baseline or make.baseline(),
        waivers=waivers or make.waivers(),
        vantages=make.VANTAGES,
        authorisation=None,
        rules=make.SERVICE_RULES,
        facts=shipped_facts(),
        frameworks=(),
    )


def judged_run(
    store: SqlStore, *hosts: HostOutcome, days: int = 0, vantage: str = "", **papers: Any
) -> str:
    """Store a run that ended that many days after noon, and judge it; gives its id."""
    run_id = f"run-{days}-{vantage or make.VANTAGE.id}"
    bare = (
        replace(host, observations=tuple(replace(o, evidence=None) for o in host.observations))
        for host in hosts
    )
    at = make.NOON + days * DAY
    place = replace(make.VANTAGE, id=vantage or make.VANTAGE.id)
    plan = {"run_id": run_id, "vantage": place}
    run = make.run(*bare, plan=plan, started=at - timedelta(minutes=5), finished=at)
    with store.run_lock():
        store.begin_run(run.plan, run.started)
        store.finish_run(run)
    check(store, documents(**papers), run_id)
    return run_id

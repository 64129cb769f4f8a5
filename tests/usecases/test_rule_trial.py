"""A rule is tried on a stored run as a check would ask it, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import factories as make
from own_rules import judging, rule
from portproof.errors import SettingsError, StoreError
from portproof.model.custom_rule import CustomRule
from portproof.model.observation import Service
from portproof.model.rule import FactDefinitions
from portproof.store import SqlStore, open_store
from portproof.usecases.inputs import Documents
from portproof.usecases.rule_trial import RuleTrial, Said, try_rule

HOST = make.open_host(p22=Service("ssh", "OpenSSH_7.4"), p80=None, p443=Service("http"))
WITHOUT_RECORDS = tuple(replace(each, evidence=None) for each in HOST.observations)
RUN = make.run(replace(HOST, observations=WITHOUT_RECORDS))
DOCUMENTS = Documents(
    baseline=make.baseline(make.entry(port_text="22,80,443")),
    waivers=make.waivers(),
    vantages=make.VANTAGES,
    authorisation=None,
    rules=make.SERVICE_RULES,
    facts=FactDefinitions(facts=(), digest="7" * 64),
    frameworks=(),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    database: Path = tmp_path_factory.mktemp("trial") / "portproof.sqlite"
    with open_store(str(database), create=True) as held, held.run_lock():
        held.begin_run(RUN.plan, RUN.started)
        held.finish_run(RUN)
        yield held


def tried(store: SqlStore, tested: CustomRule) -> RuleTrial:
    return try_rule(store, DOCUMENTS, judging(tested), "odd", RUN.plan.run_id)


def test_approved_ports_are_asked_too_and_each_is_told_with_the_values_it_was_asked_with(
    store: SqlStore,
) -> None:
    trial = tried(store, rule('service == "ssh" && banner.contains("7.4")'))
    (found,) = trial.of(Said.DEVIATES)
    assert str(found.endpoint) == "10.0.0.5:22/tcp"
    assert found.values == {"service": "ssh", "banner": "OpenSSH_7.4"}
    (unknown,) = trial.of(Said.UNKNOWN)
    assert (str(unknown.endpoint), unknown.values) == ("10.0.0.5:80/tcp", {})
    assert "it reads " in unknown.why
    (other,) = trial.of(Said.CONFORMS)
    assert str(other.endpoint) == "10.0.0.5:443/tcp"


def test_what_the_selectors_leave_out_is_counted(store: SqlStore) -> None:
    trial = tried(store, rule("true", tcp=make.ports("443")))
    assert ([each.endpoint.port for each in trial.asked], trial.not_asked) == ([443], 2)
    elsewhere = tried(store, rule("true", zones=frozenset({"office"})))
    assert (elsewhere.asked, elsewhere.not_asked) == ((), 3)


def test_nothing_is_kept(store: SqlStore) -> None:
    before = store.head()
    tried(store, rule("true"))
    assert (store.head(), list(store.findings())) == (before, [])


def test_a_rule_or_a_run_that_is_not_there_is_named(store: SqlStore) -> None:
    held = judging(rule("true"))
    with pytest.raises(SettingsError, match="no rule 'nobody' in rules"):
        try_rule(store, DOCUMENTS, held, "nobody", RUN.plan.run_id)
    with pytest.raises(StoreError, match="nowhere"):
        try_rule(store, DOCUMENTS, held, "custom/odd", "nowhere")

"""Which host a document is about, and what is said of what nobody told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import factories as make
from portproof.errors import SettingsError
from portproof.model.reconcile import Action, Filter, Intent, Listening
from portproof.store import SqlStore, open_store
from portproof.usecases.reconcile import Given, reconcile_run

SOCKETS = Listening(file="ss.txt", listeners=())
RULES = Intent(file="nft.json", filters=(Filter(name="input", rules=(), default=Action.DENY),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """Give a store with a run over two hosts, one of them by name."""
    named = make.planned_host("10.0.0.6", name="www.example.com", tcp="443")
    run = make.run(make.host_outcome(make.planned_host(tcp="22")), make.host_outcome(named))
    with open_store(tmp_path / "portproof.db", create=True) as opened:
        with opened.run_lock():
            opened.begin_run(run.plan, run.started)
            opened.finish_run(run)
        yield opened


RUN = make.scan_plan().run_id


def test_a_document_that_does_not_say_which_host_it_is_of_is_refused(store: SqlStore) -> None:
    with pytest.raises(SettingsError, match=r"The run asked 2; write HOST=ss\.txt"):
        reconcile_run(store, RUN, [Given(SOCKETS, None)], [], make.VANTAGES)


def test_a_host_that_the_run_did_not_ask_is_refused(store: SqlStore) -> None:
    with pytest.raises(SettingsError, match=r"10.9.9.9=nft.json: run .* asked no host"):
        reconcile_run(store, RUN, [], [Given(RULES, "10.9.9.9")], make.VANTAGES)


def test_two_lists_of_one_host_are_refused(store: SqlStore) -> None:
    twice = [Given(SOCKETS, "www.example.com"), Given(SOCKETS, "10.0.0.6")]
    with pytest.raises(SettingsError, match=r"two documents say what listens on 10\.0\.0\.6"):
        reconcile_run(store, RUN, twice, [], make.VANTAGES)


def test_rules_that_name_their_hosts_are_about_all_hosts_of_the_run(store: SqlStore) -> None:
    table = replace(RULES, file="rules.csv", names_hosts=True)
    told = reconcile_run(store, RUN, [], [Given(table, None)], make.VANTAGES)
    assert "no document says what listens on: 10.0.0.5, 10.0.0.6" in told.notes


def test_what_nobody_told_is_noted(store: SqlStore) -> None:
    odd = replace(RULES, not_understood=("nft.json: a rule",))
    told = reconcile_run(store, RUN, [], [Given(odd, "WWW.example.com")], make.VANTAGES)
    notes = "\n".join(told.notes)
    assert "no document says what listens on: 10.0.0.6" in notes
    assert "hosts of the run that no document speaks of: 1" in notes
    assert told.not_understood == ("nft.json: a rule",)
    assert told.conclusive
    assert not told.contradicts

"""When a finding of a customer's rule ends: when the rule was asked again, and no longer objects."""

from __future__ import annotations

import factories as make
from own_rules import judging, rule
from policy.histories import History
from portproof.model.custom_rule import CustomJudging
from portproof.model.finding import ClosedBy
from portproof.model.observation import LocalFault, PortState, Service
from portproof.model.scan import HostOutcome

OLD = make.open_host(p22=Service("ssh", "OpenSSH_7.4"))
NEW = make.open_host(p22=Service("ssh", "OpenSSH_9.9"))
UNIDENTIFIED = make.open_host(p22=None)
CLOSED = make.host_outcome(states={PortState.CLOSED: "22"})
NOT_MEASURED = make.host_outcome(unmeasured={LocalFault.NO_SOCKETS: "22"})
APPROVED = (make.entry(port_text="22"),)
OLD_SSH = judging(rule('banner.matches("OpenSSH_[1-7][.]")'))
OTHER = judging(rule("port == 23", "other"))


def opened() -> History:
    history = History()
    assert run(history, OLD, OLD_SSH) == ["opened"]
    return history


def run(history: History, host: HostOutcome, custom: CustomJudging | None) -> list[str]:
    return history.run(host, entries=APPROVED, custom=custom)


def test_an_answer_that_the_rule_does_not_object_to_resolves_it_and_another_reopens_it() -> None:
    history = opened()
    assert run(history, OLD, OLD_SSH) == ["seen"]
    assert run(history, NEW, OLD_SSH) == ["resolved"]
    assert history.only.closed_by is ClosedBy.RESCAN
    first_seen = history.only.first_seen
    assert run(history, OLD, OLD_SSH) == ["reopened"]
    assert history.only.first_seen == first_seen


def test_a_closed_port_resolves_it() -> None:
    assert run(opened(), CLOSED, OLD_SSH) == ["resolved"]


def test_what_the_rule_says_nothing_of_leaves_it_as_it_is() -> None:
    history = opened()
    assert run(history, UNIDENTIFIED, OLD_SSH) == []
    assert run(history, NOT_MEASURED, OLD_SSH) == []
    exhausted = judging(*OLD_SSH.document.rules, budget_s=0.0)
    assert run(history, NEW, exhausted) == []


def test_a_check_without_the_rules_document_leaves_it_as_it_is() -> None:
    assert run(opened(), NEW, None) == []


def test_a_rule_that_is_taken_out_of_the_document_closes_it_and_says_why() -> None:
    history = opened()
    assert run(history, OLD, OTHER) == ["resolved"]
    assert history.only.closed_by is ClosedBy.DOCUMENT
    assert history.because == [
        "10.0.0.5:22/tcp was open, and no rule of the document looks for it any more"
    ]


def test_a_rule_that_does_not_look_at_the_port_any_more_resolves_it() -> None:
    narrowed = judging(rule('banner.matches("OpenSSH_[1-7][.]")', tcp=make.ports("2222")))
    assert run(opened(), OLD, narrowed) == ["resolved"]


def test_a_closed_port_is_why_it_ends_even_where_its_rule_is_gone_as_well() -> None:
    history = opened()
    assert run(history, CLOSED, OTHER) == ["resolved"]
    assert history.only.closed_by is ClosedBy.RESCAN
    assert history.because == ["10.0.0.5:22/tcp was closed, which conforms"]

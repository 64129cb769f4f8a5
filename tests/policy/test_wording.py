"""Sentences about what was seen claim no more than was asked."""

from __future__ import annotations

import factories as make
from portproof.model.observation import PortState, Reason, Service
from portproof.policy.wording import spoke, state_words

SEEN = make.observation(make.endpoint("10.0.0.5:9100/tcp"))


def test_a_port_that_was_asked_nothing_did_not_refuse_to_identify_itself() -> None:
    assert spoke(SEEN, make.ports("9100")) == "nothing was sent to it (fragile port)"
    assert spoke(SEEN, make.ports("502")) == "what answers did not identify itself"
    assert spoke(None, make.ports("9100")) == "what answers did not identify itself"


def test_a_port_whose_turn_never_came_did_not_refuse_to_identify_itself() -> None:
    unasked = make.observation(SEEN.endpoint, asked=False)
    assert spoke(unasked) == "it was not asked what it is"
    assert spoke(unasked, make.ports("9100")) == "nothing was sent to it (fragile port)"


def test_a_service_is_named_with_how_it_is_known() -> None:
    named = make.observation(SEEN.endpoint, service=Service("ssh"))
    assert spoke(named) == "it identified itself as ssh (protocol answer)"


def test_a_response_that_was_not_understood_is_not_called_silence() -> None:
    undecided = PortState.OPEN_FILTERED
    assert state_words(undecided, Reason.NO_RESPONSE) == "gave no response (open or filtered)"
    assert "response that is not of the protocol" in state_words(undecided, Reason.UDP_RESPONSE)

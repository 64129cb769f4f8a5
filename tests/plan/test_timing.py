from __future__ import annotations

from itertools import pairwise

import pytest

from portproof.model.rates import Rates
from portproof.model.scan import Timing
from portproof.plan.timing import NORMAL, TEMPLATES, at_most, template_of


def test_there_are_nmaps_six_templates_by_number_and_by_name() -> None:
    names = ["paranoid", "sneaky", "polite", "normal", "aggressive", "insane"]
    assert [each.name for each in TEMPLATES] == names
    assert all(template_of(str(n)) is template_of(name.upper()) for n, name in enumerate(names))
    with pytest.raises(KeyError):
        template_of("6")


def test_the_normal_one_changes_nothing() -> None:
    assert (TEMPLATES[NORMAL].timing, TEMPLATES[NORMAL].rates) == (Timing(), None)


def test_each_is_at_most_as_patient_as_the_one_before() -> None:
    for slower, faster in pairwise(each.timing for each in TEMPLATES):
        assert slower.timeout_ms >= faster.timeout_ms
        assert slower.min_timeout_ms >= faster.min_timeout_ms
        assert slower.max_retries >= faster.max_retries
        assert slower.udp_timeout_ms >= faster.udp_timeout_ms


def test_no_template_is_wider_than_the_authorisation_by_default() -> None:
    default = Rates()
    for each in TEMPLATES:
        if each.rates is not None:
            assert default.stricter(each.rates) == each.rates


def test_a_highest_rate_limits_nothing_else() -> None:
    generous = Rates(
        global_pps=10**6, per_host_pps=10**6, max_connections=10**5, per_host_connections=10**5
    )
    limited = generous.stricter(at_most(500))
    assert (limited.global_pps, limited.per_host_pps) == (500, 10**6)
    assert limited.max_connections == generous.max_connections

from __future__ import annotations

from ipaddress import ip_address

import pytest

from factories import endpoint, network
from portproof.errors import AuthorisationError, SettingsError
from portproof.model.scan import Control, ControlKind
from portproof.model.way import Way, WayKind
from portproof.plan.relay import engine_through, require_controls

WAY = Way(kind=WayKind.SOCKS5, host="proxy.example.net", port=1080)
HOSTS = (ip_address("10.0.0.5"), ip_address("10.0.0.6"))


def control(kind: ControlKind, where: str = "10.0.0.1:22/tcp", *networks: str) -> Control:
    speaks_for = tuple(map(network, networks or ("10.0.0.0/24",)))
    return Control(id=kind.value, kind=kind, endpoint=endpoint(where), networks=speaks_for)


POSITIVE, NEGATIVE = control(ControlKind.POSITIVE), control(ControlKind.NEGATIVE)


def test_over_its_own_network_a_vantage_needs_no_controls_and_keeps_its_engine() -> None:
    require_controls(None, HOSTS, ())
    assert engine_through(None, "syn", discover=True) == "syn"


def test_through_a_proxy_the_engine_is_another() -> None:
    assert engine_through(WAY, "connect", discover=False) == "relay"


@pytest.mark.parametrize("asked", [("syn", False), ("connect", True)])
def test_what_takes_raw_sockets_goes_through_no_proxy(asked: tuple[str, bool]) -> None:
    with pytest.raises(SettingsError, match=r"socks5 proxy\.example\.net:1080"):
        engine_through(WAY, asked[0], discover=asked[1])


def test_both_kinds_of_control_let_it_through() -> None:
    require_controls(WAY, HOSTS, (POSITIVE, NEGATIVE))


@pytest.mark.parametrize(
    ("controls", "lacking"),
    [
        ((), "positive"),
        ((POSITIVE,), "negative"),
        ((NEGATIVE,), "positive"),
        ((POSITIVE, control(ControlKind.NEGATIVE, "10.0.0.1:53/udp")), "negative"),
        ((POSITIVE, control(ControlKind.NEGATIVE, "10.0.0.1:9/tcp", "10.0.0.5/32")), "negative"),
    ],
)
def test_a_host_that_one_kind_does_not_speak_for_is_refused(
    controls: tuple[Control, ...], lacking: str
) -> None:
    with pytest.raises(AuthorisationError, match=f"every host needs a {lacking} control") as told:
        require_controls(WAY, HOSTS, controls)
    assert told.value.code == "control"

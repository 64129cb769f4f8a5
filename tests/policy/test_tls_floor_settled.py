"""When a finding of the TLS floor ends: by a newer version, a closed port, or a lower floor."""

from __future__ import annotations

from dataclasses import replace

import factories as make
from policy.histories import History
from portproof.model.baseline import BaselineEntry, TlsVersion
from portproof.model.observation import PortState, Service
from portproof.model.scan import HostOutcome

CLOSED = make.host_outcome(states={PortState.CLOSED: "443"})


def spoke(version: str | None) -> HostOutcome:
    tls = replace(make.tls(), version=version) if version else None
    return make.open_host(p443=Service("http", tls=tls))


def floor(version: TlsVersion | None) -> tuple[BaselineEntry, ...]:
    return (make.entry(port_text="443", tls_at_least=version),)


def test_only_a_handshake_of_a_newer_version_or_a_closed_port_settles_it() -> None:
    history, entries = History(), floor(TlsVersion.V1_2)
    assert history.run(spoke("TLSv1.1"), entries=entries) == ["opened"]
    assert history.run(spoke(None), entries=entries) == []
    assert history.run(spoke("unheard-of"), entries=entries) == []
    assert history.run(spoke("TLSv1.3"), entries=entries) == ["resolved"]
    assert history.run(spoke("TLSv1"), entries=entries) == ["reopened"]
    assert history.run(CLOSED, entries=entries) == ["resolved"]


def test_a_floor_that_is_asked_for_no_more_settles_it() -> None:
    history = History()
    assert history.run(spoke("TLSv1.1"), entries=floor(TlsVersion.V1_2)) == ["opened"]
    assert history.run(spoke("TLSv1.1"), entries=floor(None)) == ["resolved"]

"""Prometheus' `http_sd`: a URL that answers with target groups.

https://prometheus.io/docs/prometheus/latest/http_sd/. GET, 200, JSON; a list is used for `refresh_s`
before it is asked for again, and when that fails the last one is kept, and the listing says since
when and why. Only a source that never had a list fails.
"""

from __future__ import annotations

from dataclasses import replace

from portproof.errors import SourceError
from portproof.model.source import Listing, WebOptions
from portproof.sources.gathering import Gathering
from portproof.sources.prometheus import add_groups
from portproof.sources.web import Web


class Refreshed:
    """One URL, with the list that it last answered with."""

    def __init__(self) -> None:
        self._last: Listing | None = None
        self._due_s = 0.0

    def listing(self, gathering: Gathering, options: WebOptions) -> Listing:
        """Give the list: a new one when it is time, else or on failure the last.

        Raises:
            SourceError: there is no answer, and there never was one; or the fetch was stopped.
        """
        gathering.go_on()
        now_s = gathering.ground.elapsed_s()
        if self._last is not None and now_s < self._due_s:
            return self._last
        try:
            with Web(gathering, options) as web:
                add_groups(gathering, web.json())
        except SourceError as fault:
            if self._last is None or gathering.ground.stop():
                raise
            since = f"{self._last.at:%Y-%m-%dT%H:%M:%SZ}"
            return replace(self._last, stale_because=f"the list of {since} is kept: {fault}")
        self._last = gathering.listing()
        self._due_s = now_s + options.refresh_s
        return self._last

"""Joins what was seen, what listens, and what is meant to be let through, port by port as sets.

=============  ==================  =================  ==================================
scan           something listens   nothing listens    nobody says what listens
=============  ==================  =================  ==================================
open           exposed             middlebox          not measured
closed,        listening but       stale, if a rule   nothing
filtered       filtered            allows the port
not measured,  not measured        stale, if a rule   nothing
open|filtered                      allows the port
=============  ==================  =================  ==================================

A rule that may match (it says more than is understood, or only some addresses of the vantage are
its source) makes both outcomes possible, and the intent of its ports is *not understood*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from portproof.model.endpoint import Address, Network, Transport
from portproof.model.observation import LocalFault, PortState
from portproof.model.ports import PortSet
from portproof.model.reconcile import (
    Action,
    Intent,
    IntentRule,
    Listening,
    ReconcileRow,
    Standing,
)
from portproof.model.scan import HostOutcome, RunRecord
from portproof.policy.drift import own_ports

_ALL = PortSet.all_ports()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vicinity:
    """Where the run looked from, as firewalls see it."""

    zone: str
    networks: tuple[Network, ...]
    """The addresses it may come from; empty: nobody declared them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccounts:
    """What the documents say of one host."""

    listening: Listening | None = None
    """None: no document says what listens."""
    intents: tuple[Intent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Let:
    """What intent lets through to one host over one transport."""

    allowed: PortSet
    denied: PortSet
    unknown: PortSet
    by: tuple[tuple[IntentRule, PortSet], ...]
    """Each rule that may match, with the ports that it decides first; a default is no rule."""

    def of(self, port: int) -> Action:
        """Give what is meant for a port."""
        if port in self.unknown:
            return Action.UNKNOWN
        return Action.ALLOW if port in self.allowed else Action.DENY

    def rule(self, port: int) -> str:
        """Give the first rule that may decide on a port, with its place; empty where none does."""
        return next((rule_text(rule) for rule, ports in self.by if port in ports), "")


def rule_text(rule: IntentRule) -> str:
    """Give a rule as people look for it."""
    return f"{rule.text} ({rule.location.file}:{rule.location.line})"


def reconcile(
    run: RunRecord, accounts: Mapping[Address, HostAccounts], vicinity: Vicinity
) -> tuple[ReconcileRow, ...]:
    """Join the accounts of every host that a document speaks of, in the order of the run."""
    return tuple(
        row
        for outcome in run.hosts
        if (held := accounts.get(outcome.host.address)) is not None
        for row in _Host(run, outcome, held, vicinity).rows()
    )


# ---------------------------------------------------------------- intent as sets


def let_through(
    intents: Sequence[Intent], address: Address, transport: Transport, vicinity: Vicinity
) -> Let | None:
    """Give what all filters together let through; None where no document speaks of the host."""
    if not intents:
        return None
    if not any(address.version in each.versions for each in intents):
        nothing = PortSet.empty()
        return Let(allowed=nothing, denied=nothing, unknown=_ALL, by=())
    filters = [each for intent in intents for each in intent.filters]
    may_allow, may_deny, elsewhere = _ALL, PortSet.empty(), PortSet.empty()
    by: list[tuple[IntentRule, PortSet]] = []
    for each in filters:
        if address.version in each.versions:
            decided = _Decided(address, transport, vicinity)
            decided.take(each.default, decided.chain(each.rules, _ALL))
            may_allow = may_allow & decided.may_allow
            may_deny = may_deny | decided.may_deny
            by += decided.by
            if each.rewrites:
                elsewhere = elsewhere | decided.may_deny
    may_allow = may_allow | elsewhere
    return Let(
        allowed=may_allow - may_deny,
        denied=may_deny - may_allow,
        unknown=may_allow & may_deny,
        by=tuple(by),
    )


@dataclass(slots=True)
class _Decided:
    """What the rules of one filter do with what is sent to one host, by port."""

    address: Address
    transport: Transport
    vicinity: Vicinity
    may_allow: PortSet = field(default_factory=PortSet.empty)
    may_deny: PortSet = field(default_factory=PortSet.empty)
    by: list[tuple[IntentRule, PortSet]] = field(default_factory=list)

    def take(self, action: Action, ports: PortSet) -> None:
        """Note what is done with some ports."""
        if action is not Action.DENY:
            self.may_allow = self.may_allow | ports
        if action is not Action.ALLOW:
            self.may_deny = self.may_deny | ports

    def chain(self, rules: Sequence[IntentRule], reaching: PortSet) -> PortSet:
        """Send ports through a chain; gives those that may leave it undecided."""
        leaving = PortSet.empty()
        for rule in rules:
            certain = _matches(rule, self.address, self.transport, self.vicinity)
            ports = rule.ports & reaching
            if certain is None or not ports:
                continue
            on, out = self._rule(rule, ports)
            reaching = (reaching - ports | on) if certain else (reaching | on)
            leaving = leaving | out
        return reaching | leaving

    def _rule(self, rule: IntentRule, ports: PortSet) -> tuple[PortSet, PortSet]:
        """Apply a rule to ports that it matches; gives those that go on, and those that leave."""
        nothing = PortSet.empty()
        match rule.action:
            case Action.RETURN:
                return nothing, ports
            case Action.JUMP:
                return self.chain(rule.then, ports), nothing
            case Action.GOTO:
                return nothing, self.chain(rule.then, ports)
            case Action.ALLOW | Action.DENY | Action.UNKNOWN:
                self.take(rule.action, ports)
                self.by.append((rule, ports))
                return ports if rule.action is Action.UNKNOWN else nothing, nothing


def _matches(
    rule: IntentRule, address: Address, transport: Transport, vicinity: Vicinity
) -> bool | None:
    """Whether a rule matches for certain; False: it may; None: it does not."""
    if transport not in rule.transports or address.version not in rule.versions:
        return None
    if rule.destinations is not None and not _inside(address, rule.destinations):
        return None
    source = _source(rule, address.version, vicinity)
    return None if source is None else source and rule.exact


def _inside(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def _source(rule: IntentRule, version: int, vicinity: Vicinity) -> bool | None:
    """Whether the vantage is the rule's source for certain; False: it may be; None: it is not."""
    if rule.zone:
        return True if rule.zone == vicinity.zone else None
    if rule.sources is None:
        return True
    wanted = [each for each in rule.sources if each.version == version]
    ours = [each for each in vicinity.networks if each.version == version]
    if any(each.prefixlen == 0 for each in wanted):
        return True
    if wanted and not ours:
        return False
    if wanted and all(any(_subnet(each, held) for held in wanted) for each in ours):
        return True
    met = any(_subnet(each, held) or _subnet(held, each) for each in ours for held in wanted)
    return False if met else None


def _subnet(inner: Network, outer: Network) -> bool:
    return (
        inner.version == outer.version
        and inner.prefixlen >= outer.prefixlen
        and inner.network_address in outer
    )


# ---------------------------------------------------------------- one host


class _Host:
    """One host over one transport, in all its accounts."""

    def __init__(
        self, run: RunRecord, outcome: HostOutcome, accounts: HostAccounts, vicinity: Vicinity
    ) -> None:
        self.address, self.transport = outcome.host.address, outcome.transport
        self.outcome = outcome
        self.ours = own_ports(outcome, run)
        self.let = let_through(accounts.intents, self.address, self.transport, vicinity)
        self.known = accounts.listening is not None
        self.programs, self.unsure = self._programs(accounts.listening)
        self.listening = PortSet.from_iterable(self.programs)

    def _programs(self, listening: Listening | None) -> tuple[dict[int, str], PortSet]:
        """Give the listening ports with their programs, and those of which nothing tells."""
        held = listening.listeners if listening else ()
        ours = [each for each in held if each.transport is self.transport]
        programs: dict[int, set[str]] = {}
        for each in ours:
            if each.serves(self.address):
                programs.setdefault(each.port, set()).add(each.process)
        unsure = PortSet.from_iterable(each.port for each in ours if each.may_serve(self.address))
        named = {port: ", ".join(sorted(filter(None, held))) for port, held in programs.items()}
        return named, unsure - PortSet.from_iterable(programs)

    def rows(self) -> Iterator[ReconcileRow]:
        """Give the rows of the host: first what is reachable."""
        opened = self._state(PortState.OPEN) - self.ours
        silent = self._state(PortState.CLOSED) | self._state(PortState.FILTERED)
        unknown = self.unsure if self.known else opened
        yield from self._ports(Standing.EXPOSED, opened & self.listening)
        yield from self._ports(Standing.MIDDLEBOX, opened - self.listening - unknown)
        yield from self._ports(Standing.FILTERED, (silent & self.listening) - self.ours)
        untold = self.listening - opened - silent - self.ours
        yield from self._ports(Standing.NOT_MEASURED, untold)
        yield from self._ports(Standing.NOT_MEASURED, opened & unknown)
        if self.known:
            yield from self._stale(self.listening | self.unsure | opened | self.ours)

    def _state(self, state: PortState) -> PortSet:
        return self.outcome.states.get(state, PortSet.empty())

    def _ports(self, standing: Standing, ports: PortSet) -> Iterator[ReconcileRow]:
        for port in ports:
            intent = self.let.of(port) if self.let else ""
            yield self._row(
                standing,
                PortSet.of(port),
                intent=intent,
                rule=self.let.rule(port) if self.let else "",
                contradiction=_contradicts(standing, intent),
            )

    def _stale(self, used: PortSet) -> Iterator[ReconcileRow]:
        """Give what rules let through to nobody, a row for each rule."""
        if self.let is None:
            return
        for rule, ports in self.let.by:
            idle = (ports & self.let.allowed) - used
            if idle and rule.action is not Action.DENY:
                yield self._row(
                    Standing.STALE,
                    idle,
                    intent=Action.ALLOW,
                    rule=rule_text(rule),
                    contradiction=True,
                )

    def _row(
        self,
        standing: Standing,
        ports: PortSet,
        *,
        intent: str,
        rule: str,
        contradiction: bool,
    ) -> ReconcileRow:
        return ReconcileRow(
            standing=standing,
            host=str(self.address),
            transport=self.transport,
            ports=str(ports),
            count=len(ports),
            scan=self._seen(ports),
            listening=self._listens(ports),
            intent=intent,
            rule=rule,
            contradiction=contradiction,
        )

    def _seen(self, ports: PortSet) -> str:
        """Give the states of some ports, or why there is none."""
        told = {state.value for state, held in self.outcome.states.items() if held & ports}
        told |= {_fault(each) for each, held in self.outcome.unmeasured.items() if held & ports}
        if ports - self.outcome.host.ports(self.transport):
            told.add("not asked")
        return ", ".join(sorted(told)) or "missing"

    def _listens(self, ports: PortSet) -> str:
        if not self.known or ports & self.unsure:
            return "not known"
        if not ports & self.listening:
            return "no"
        return self.programs.get(next(iter(ports)), "") or "yes"


def _fault(fault: LocalFault) -> str:
    return f"not measured ({fault})"


def _contradicts(standing: Standing, intent: str) -> bool:
    """Whether somebody has to look: a middlebox always; otherwise where intent says the opposite."""
    match standing:
        case Standing.MIDDLEBOX:
            return True
        case Standing.EXPOSED:
            return intent == Action.DENY
        case Standing.FILTERED:
            return intent == Action.ALLOW
        case Standing.STALE | Standing.NOT_MEASURED:
            return False

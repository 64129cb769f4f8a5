"""The engines: a plan's probes on real sockets, and what came of them.

::

    Executor ─► Campaign ──────────────── phases of one run, the record
                   │  desk: what the phases share, who hears what
       ┌───────────┼──────────────┬──────────────┐
    tcp_phase   udp_phase   service_phase        │
       ▼           ▼              ▼              ▼
    connect     udp           identify        controls
    (lines,     (fanout,      (dialogue,      (asked all along,
     source,     pace)         tls)            own listeners)
     limiter,      │                             │
     patience)     │                             ▼
       └───────────┴─► rows ─► judgement ◄─── witness
                               (released or Unmeasured)
                                   │
                                   ▼
                          ScanListener, fold ─► RunRecord

Read `classify` first (what an errno and an ICMP error mean; `errqueue` gets the latter from the
kernel), then `connect`, the engine that most packets come from, then `witness` and `judgement`,
which decide what may be claimed, then `campaign`, which is one run on one page.

Asked by several of them: `routing` (the kernel's tables: is an address ours, is a neighbour there),
`limits` (descriptors and local ports to be had), `family` (an address's socket family), `raw` (what
is kept of an exchange, as it came). Beside the engines, each alone:

* `machine`: what this machine lets a scan do, for `doctor`;
* `neighbourhood`: routers and resolvers of this machine, as proposals for controls;
* `resolver`: names to addresses, as the system resolves them;
* `clock`: wall and monotonic time, and whether a daemon keeps them.

The hardest decision: outcomes are judged *before* they leave. Silence is held back until a witness
has spoken after it, so that nobody downstream ever sees a `filtered` that later turns out to be a
dead uplink. That costs a few seconds of delay and a bounded buffer; the alternative, correcting
outcomes already handed over, would let one forgotten reader report silence as evidence (law 2).

One process and no task per port: a probe is a few list entries and two system calls. Order comes
from `plan.order`, where probe number i can be computed from any i: a shard of a sweep, for a second
process or another vantage, is a range of numbers over the same engine.
"""

"""The engines: a plan's probes on real sockets, and what came of them.

::

    Executor ─► Campaign ──────────────── phases of one run, the record
                   │  desk: what the phases share, who hears what
       ┌───────────┼──────────────┬──────────────┐
    tcp_phase   udp_phase   service_phase        │
       ▼           ▼              ▼              ▼
    connect     udp           identify        controls
    (lines,     (udp_rounds,  (inquiry,       (asked all along,
     source,     postbox)      dialogue)       own listeners)
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

How often a silent port is asked, and when its silence counts, follows from the loss of the path
(`loss`, by which `patience` asks and `judgement` judges); what was asked too seldom is asked once more
at the end (`again`).

What a sweep spares besides its hosts is `care`: subnets, state tables of routers on the way (`flows`),
paths and hosts that lose answers when asked too fast (`backoff`). Of a host on which everything is
open, `crowded` chooses which ports are asked what they are.

Where a host is given a limited time (`host_time`), `timed_source` stands in for `source`.

`syn` is the other TCP engine: half-open probes from a helper process (`portproof.rawhelper`), which
alone may use raw sockets; `syn_paths` finds the way to each target, `syn_retries` knows how often a
silent one has to be asked, `syn_outcomes` makes outcomes of what the helper tells.

`udp` asks datagrams of every probe: `asked` is the table of what is under way, `postbox` holds the
sockets (`datagrams`: by the batch) and the rates (`pace`), `udp_talk` finds the words, `udp_replies`
hears the answers, `udp_outcomes` accounts for them. Hosts that ration their ICMP errors are asked in
`udp_rounds`, as fast as their `bucket` lets them answer.

`relay` is the TCP engine of a vantage on which nothing of ours runs: a proxy opens the connections
(`relay_dial`: its word on one of them, `relay_tunnel`: the way there, by SOCKS5 or ssh). Read
`relay_dial` for what a proxy cannot tell. `relay_controls` asks the controls the same way,
`relay_talk` holds the conversations, `relay_phase` puts them into a run. What it shares with the
connect engine is in `harvest` (outcomes on their way out) and `control_rounds` (when controls are due).

A run may continue another: `handover` says what is left of an order, notes through `drawn` what was
drawn of it, and keeps that in checkpoints for the case that this process is killed.

A conversation with an open port: `identify` lets questions in (`turnstile`), `inquiry` decides what
one port is asked and when, `conversations` is the one epoll under all of them (`deadlines`),
`dialogue` the state of one connection (`steps` its words, `tls` inside it), `transcript` what is
kept of it.

Asked by several of them: `routing` (the kernel's tables: is an address ours, is a neighbour there),
`limits` (descriptors and local ports to be had), `family` (an address's socket family), `last_ack`
(a handshake's last word, held back), `raw` (what is kept of an exchange, as it came). Beside the engines, each alone:

* `sink`: our own listener beyond a boundary; `sink_words`: what is said to it; `sink_scanner`: a
  scanner that says it over UDP, for egress checks;
* `machine`: what this machine lets a scan do, for `doctor`;
* `neighbourhood`: routers and resolvers of this machine, as proposals for controls;
* `resolver`: names to addresses, as the system resolves them;
* `clock`: wall and monotonic time, and whether a daemon keeps them.

The hardest decision: outcomes are judged *before* they leave. Silence is held back until a witness
has spoken after it, so that nobody downstream ever sees a `filtered` that later turns out to be a
dead uplink. That costs a few seconds of delay and a bounded buffer; the alternative, correcting
outcomes already handed over, would let one forgotten reader report silence as evidence (law 2).

No task per port: a probe is a few list entries and two system calls. Order comes from `plan.order`,
where probe number i can be computed from any i: a shard of a sweep, for a second process or another
vantage, is a range of numbers over the same engine. `shards` is the engine in several processes
(`shard_worker` is one of them, `shard_wire` what it tells, `shard_ledger` what it still owes);
`conditions` is what every TCP engine runs under, `peers` and `local_ports` are which sockets the
connect engine asks whom by, and why it never meets itself.
"""

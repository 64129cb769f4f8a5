"""The raw helper: a process of its own that alone may use raw sockets, and knows nothing else.

::

    scan.syn ══ frames (model.rawwire) ══ channel ─ plan
                                             │
              ┌──────────────────────────────┴─ engine: one loop ─────────────────────────────┐
              │ table ── backlog ── ways ── frames ── outlet ─► wire ─► ring ── answers ── table │
              │ (slots)  (pace,     (template by     (sendmmsg)        (filters)        (cookies) │
              │          neighbours) packets: scapy)                                      ledger  │
              └──────────────────────────────────────────────────────────────────────────────────┘

Read `engine` first, then `table` (what is remembered of a probe) and `cookies` (why an answer can be
believed), then `frames` and `ring`, which make it fast. `__main__` is the start: what is opened, and
what is given up, in which order (`privileges`).

What it may: from root, or from an ambient CAP_NET_RAW, it keeps that capability alone, becomes
`nobody` where it can, lets no new privilege come, cannot be dumped, and once its sockets are open
gives up the capability as well. A system call filter (seccomp) would be next: no Python binding for it
is kept up, and an unmaintained one would be a worse risk than the one it is against.

The hardest decision: probes are remembered, not stateless. A scanner that forgets its probes cannot
send the silent ones again, cannot say how often it asked, and cannot say `filtered` of one of them.
Each probe has a slot until it ends, half a million at most; the slot is written into the sequence
number under a keyed hash, so an answer finds its row without a search, and nobody who has not seen
the probe can forge one.

scapy (GPL-2.0-only) builds the template of each path and the questions to neighbours; NumPy makes
the rest. Nothing of it is ever imported into the main process.
"""

"""What will be sent, and whether it may be: pure, and done before the first packet.

::

    targets, ports ─► authorise (when, where) ─► expand (addresses, exclusions, names)
                                                     │
                                                     ▼
                                   budget (refuses early) ─► ScanPlan ─► order (seeded permutation)

Read `build` first: `lay_out` turns targets into hosts, `complete` adds the controls and freezes the
plan. `authorise` holds every refusal (law 4), `order` the sequence in which probes leave, and
`remaining` what is left of it when a run continues another. `forecast` says what a request would
send without laying it out (`stretches`: address arithmetic, so that a /8 costs what one host costs),
and `timing` holds the templates -T0 to -T5. `relay` is what a run through a proxy needs. `flows` is what a probe costs a router's state table.

The hardest decision: a network is checked and counted as a *network*, and its addresses are listed
only after the budget allows them, so that a /8 is refused at once instead of filling the memory.
"""

"""The sentences that the product can say, one file each.

::

    audit = scan + check + report

    scan      plan, authorise, probe, keep               → RunRecord
    resume    go on with an interrupted run              → RunRecord of a run that continues it
    check     judge a stored run against the documents   → CheckResult (findings move on)
    describe  everything a report prints                 → EvidenceDocument
    probe     one endpoint, now                          → observations
    doctor    what this machine can do                   → Diagnoses, each with its remedy
    source_sheet  where our probes come from, for those who watch the IDS
    whose_probe   was it one of our runs?
    init      the first documents of a new user
    demo      a small truth, and whether the evidence says exactly that
    inputs    what the others are given

`diff` needs no sentence of its own: it is `policy.drift.compare` on two stored runs.

Use cases know the contracts (`contracts.py`) and the pure core; which store, scanner or renderer
they talk to is decided in `bootstrap`.
"""

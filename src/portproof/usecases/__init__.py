"""The sentences that the product can say, one file each.

::

    audit = scan + check + report

    scan      plan, authorise, probe, keep               → RunRecord
    resume    go on with an interrupted run              → RunRecord of a run that continues it
    import_pack  a run that a vantage has packed          → kept here like any other
    elsewhere    the contracts of runs from elsewhere
    check     judge a stored run against the documents   → CheckResult (findings move on)
    approve   a reviewed set of entries, before it is signed
    draft_baseline  what was seen open, as proposed entries  → Draft
    baseline_review  who may review what, and the record of it; review_list: what reviews are worth
    entry_history  what each version of an entry changed
    describe  everything a report prints                 → EvidenceDocument
    findings  list them, tell the life of one            → Standing, Life
    finding_actions  acknowledge, assign, claim a fix …  → events
    waivers   what is accepted, how it is used, its end  → Acceptances
    settle_waivers  write down which waivers have ended  → events
    tickets   findings and tickets kept in step → steps
    ticket_lists  what has a ticket, and what should     → TicketLines
    probe     one endpoint, now                          → observations
    doctor    what this machine can do                   → Diagnoses, each with its remedy
    sources   ask where targets are listed, keep it, choose what a scan asks
    source_sheet  where our probes come from, for those who watch the IDS
    whose_probe   was it one of our runs?
    init      the first documents of a new user
    segmentation  which zone reaches which: stored runs of a window → Matrix, and its history
    segmentation_record  keep a matrix in the log, find the one that a report rests on
    segmentation_trial  what a segmentation test has to ask, and to ask again
    egress    what an egress check has to ask of our own sink
    demo      a small truth, and whether the evidence says exactly that
    diff      a run against another, the approved state, a period → DiffDocument (diff_document)
    rule_trial  one custom rule asked of a stored run    → RuleTrial
    baseline_plan  what a changed baseline would do      → PlanDocument
    register  every approved service, who approved it, how that is known  → Register
    reconcile a run against what listens and what is let through  → ReconcileDocument
    inputs    what the others are given

Use cases know the contracts (`contracts.py`) and the pure core; which store, scanner or renderer
they talk to is decided in `bootstrap`.
"""

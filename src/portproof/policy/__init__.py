"""Policy: what was seen, held against what was approved. Pure: no clock, no files, no packets.

::

    RunRecord ┐                                  ┌ checks/ (one rule each) ┐
    Baseline  ├─► sightings ─► scene ─ conformity ┤                         ├─► waivers ─► subjects ─► Evaluation
    rules …   ┘   (per host)   sets, not loops    └ severity (with trace)   ┘                             │
                                                                         lifecycle (findings) ◄───────────┤
                                                                         exit_code            ◄───────────┘
    lifecycle: a run's events ─ lifecycle_settled: what resolves ─ lifecycle_projection: what
    events make of a finding ─ false_positive: until when one holds ─ due: by when it is mended
    (business_days) ─ waiver_end: open again, to the instant ─ ticket_plan, ticket_text: what it and its
    ticket tell each other
    CustomRules ─► custom_rules (asked of open ports) ─► checks/custom_rule
    BaselineEntry, Provenance (approval_people: who is whom) ─► approval: how far it is approved
    Baseline, RunRecords ─► approval_usage ─► review (who looks at what; what reviews come to)
    Baseline, Provenance ─► approval_record, which is kept with each judging
    RunRecord, or another scanner's list ─► seen_open ─► proposals (entries to be decided on)
    two RunRecords ─► drift_likeness (what may be said) ─► drift
    RunRecord, Baseline ─► drift_approved        RunRecord, state intervals ─► drift_period
    two Baselines (plan_terms), RunRecord ─► plan_change
    RunRecord, listening sockets, firewall rules ─► reconcile
    Listings ─► targets (their life, which are scanned) ─► RunRecord: what it says of them
    Listings ─► dated (as they were at an instant) ─► holders (who had an address when) ─► register, waiver_hosts: for whom it was meant
    RunRecords of several vantages, sink logs ─► segmentation (and its parts) ─► Matrix, segmentation_exit
    one RunRecord, sink logs ─► egress

The verdict table. A row is what is known of the port, a column what the baseline says of it from
the vantage's zone; what has no entry in force has no column of its own, it is "none"; a proposed entry never is in force.

==================  ==============  ==============  ===================
seen                none            allowed         required
==================  ==============  ==============  ===================
open                DEVIATES        CONFORMS        CONFORMS
closed, filtered    nothing         nothing         DEVIATES
open|filtered       UNKNOWN (sum)   UNKNOWN (sum)   UNKNOWN, required
Unmeasured          UNKNOWN (sum)   UNKNOWN (sum)   UNKNOWN, required
missing, not asked  UNKNOWN (sum)   UNKNOWN (sum)   UNKNOWN, required
host not in run     nothing         nothing         UNKNOWN, required
doubtful (open)     DEVIATES (sum)  UNKNOWN (sum)   UNKNOWN, required
==================  ==============  ==============  ===================

*(sum)* is one judgement for a host, transport and cause, which lists the ports; *nothing* is no
judgement at all, because nothing was claimed of that port: a closed port that nobody needs is not
news. *not asked* holds for required ports only: what nobody planned is outside the scope. *doubtful*
is open on a host where far too many ports are (`crowds.MANY_OPEN`), or in a network that answers
like one. An UNKNOWN that is *required* makes a check exit 3.

Read `evaluate` first, then `scene`, then `conformity` (what needs no judgement of its own), then any check.

The hardest decision: an approval does not make a fact untrue. An approved telnet is approved, and
still insecure by protocol; an approved database that the internet reaches is approved, and still
reached. Such ports CONFORM, and their judgement asserts those facts all the same, so that a control
about data stores does not turn green because somebody signed.
"""

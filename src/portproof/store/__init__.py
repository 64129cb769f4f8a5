"""What portproof remembers: runs, evidence, findings, and the log that proves them.

::

    scan ──► journal ──► run (plan, outcome) ──► intervals
               │             │                              one transaction each,
               └─► blobs     ├─► leaf ──► frontier ──► head  leaf and record together
    policy ──► events ───────┘
                 └─► findings

    sql         `SqlStore`, `open_store`: the contract, one short method each
    runs        a run begins, ends, is interrupted, is read back
    imports     a run from elsewhere, in one transaction
    journal     what a running scan has acknowledged
    recovery    a run whose process died, from its journal and its last checkpoint
    intervals   from when to when measurements showed one state
    findings    events, what people do among them, and the findings they make
    baselines   the baselines that runs were judged by, each entry once
    targets     fetches of target sources, and the targets they make
    matrices    segmentation matrices as they were judged, and what due dates are counted from
    log         leaves, frontier, blobs
    records     plans, outcomes, judgements as documents
    codec       values of the model as JSON and back
    verify      recompute the log and name the first wrong record
    lock        one run at a time
    database    the file, its transactions, its errors
    schema      revisions, and the way forward; migrations/ holds the steps
    tables      the tables

Read `tables`, then `sql`, then `runs`.

The hardest decision: what to keep of a run for good. Not a row per check: a run is one row, one
outcome document of port sets, and whatever changed as intervals. The batches, in which each port
has its row, are kept only until the run has ended, so that a `kill -9` loses nothing; a run that
continues the killed one takes its outcomes over (`model.carried`) and is a record of its own.
"""

from portproof.store.schema import schema_version, upgrade
from portproof.store.sql import SqlStore, open_store
from portproof.store.verify import verify_log

__all__ = ["SqlStore", "open_store", "schema_version", "upgrade", "verify_log"]

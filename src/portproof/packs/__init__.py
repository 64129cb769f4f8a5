"""Packs: runs of vantages that have no database, as one signed file each.

::

    at the vantage                                at home
    scan ─► keeper (RunKeeper) ─► sealing ─► run.pack ─► reading ─► usecases.import_pack ─► store
              │    ▲                 ▲                      │
            spool  │ resume        keys (private)        vantages.yaml (public)
              ▼    │
            run.pack.unfinished (working)

    keeper      keeps a run as the store would, goes on with one that was cut short, and seals it
    spool       hears the scan; what it wrote, and what is left of a run whose process died
    working     the working file: frames that a kill -9 does not lose, and its lock
    sealing     the zip file: sorted names, fixed times, whole or not at all
    reading     a pack that somebody handed us: bounds first, then signature, digests, contents
    keys        the vantage's private key: made once, never overwritten
    forms       how plans, records and outcomes are written; handed in, for it is the store's matter

What a pack consists of stands in `evidence.pack`. Read that first, then `reading`.

The hardest decision: a pack carries the very documents that the store keeps, with their digests,
and not a format of its own. So an imported run has the outcome digest that its vantage printed, and
whatever can read a run can read one from elsewhere. The price is that a pack is read by a portproof
whose record schema is the same.
"""

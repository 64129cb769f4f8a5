"""What makes a record evidence: one form, one digest, no secrets, and a place in the log.

::

    raw answer ──► masking ──► canonical ──► digest ──────────────► blob in the store
    record ──────────────────► canonical ──► leaf ──► merkle ─────► head in the report

    canonical   RFC 8785 JSON, restricted to whole numbers: equal values, equal bytes
    leaf        the records of the append-only log
    merkle      the log's head (RFC 9162), kept up to date in O(log n) per leaf
    pack        a run in one file: its manifest, and what is signed
    vantage_key the public key that signs it
    masking     secrets in captured bytes are masked before anything is stored

Read `canonical`, then `leaf`, then `merkle`. Everything here is pure.

The hardest decision: the head is the Merkle tree hash of RFC 9162 from the first leaf on, and not
a simpler hash chain. A chain would cost less to explain, but could prove that one record is in it
only by showing all others; and a head that was printed in a report cannot be computed anew later.
"""

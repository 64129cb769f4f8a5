"""Describe: everything a report prints, as one `EvidenceDocument`.

::

    Case (run, verdicts, facts, history) ─► cover, extent, results, register, history ─► document

`case` gathers from the store what the pure builders need; each builder fills the sections its file
is named after; `provenance` says where entries stand and how their approval is known. Nothing here judges: verdicts come from `policy`, words from `compliance`.
"""

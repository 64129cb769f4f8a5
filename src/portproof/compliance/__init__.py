"""Compliance: from judgements to facts, and from facts to words about a framework's controls. Pure.

::

    RunRecord, Evaluation, Baseline ─► facts (asserted · undecided · available) ─► attest ─► FrameworkResult
    KeptMatrix ─► segmentation_facts ────┘

Code knows facts and never a control id; framework files (data) say which facts touch which control.

A fact is *asserted* when it was seen. That it was not seen says something only when it was looked
for, completely: then it is *denied*. Everything between is *undecided* (the run is inconclusive,
ports were not measured, an open port did not say what it is) or *not evaluated* (an input such as an
inventory is not there, or this version does not look for it).

The words of a control, in the order in which they are tried:

========================  =======================================================================
out of scope of this tool  no fact touches the control
context provided           strength is context, and some fact of it was decided
not evaluated              no fact of it was decided, because none could be looked for
insufficient evidence      the run is not conclusive, and the control rests on what a run sees
exceptions noted           a deficiency is asserted, waived or not
insufficient evidence      a deficiency is undecided or not evaluated, or it rests on support facts
                           alone and none is asserted; `because` names what is missing
supported                  every deficiency is denied (and a support fact asserted, if it has only
                           such)
========================  =======================================================================

The hardest decision: when some facts of a control were decided well and the input of another is
missing. "Supported, as far as evaluated" would be read as its first word, so it is *insufficient
evidence*, with what was found listed beside what is missing; *not evaluated* is kept for controls of
which nothing at all could be said.
"""

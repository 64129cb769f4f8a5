"""Expressions: the language of custom rules, behind one method (`contracts.ExpressionLanguage`).

::

    text ─► compile (types, names) ─► checked tree ─► bounds ─► predicate ─► true, false, or no value
            cel                       checked         cel       cel

    cel      CEL (the Common Expression Language, github.com/google/cel-spec) by cel-expr-python,
             loaded when the first rule is compiled: without the extra `cel`, rules are refused
    checked  what a checked expression reads and calls, from its serialised tree

The hardest decision: how an expression is kept from taking for ever. CEL has no loops but those
over lists and no recursion, so that every expression ends; how late is bounded three times. The
text is short, and its loops are nested twice at most and join few texts (`cel`), which is checked
when the file is read; one evaluation makes at most 10 000 steps over lists (the library's own
budget); and the rules of a run have a time together, which whoever judges holds against a clock.
"""

from portproof.expressions.cel import CelLanguage

__all__ = ["CelLanguage"]

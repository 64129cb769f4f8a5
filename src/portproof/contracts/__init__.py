"""The Protocols where I/O and plug-ins attach: what the use cases ask of the world.

::

    scanning   time, names, an engine, and who listens to it
    keeping    runs, findings and the append-only log
    writing    reports, histories, signatures, an organisation's own rules
    listing    where targets are listed, and what is known of them
    tickets    what a ticket system is asked; imported from there, for nothing else needs it

Adapters implement them (`scan`, `store`, `render`, `documents`, `sources`, `expressions`,
`tickets`), `bootstrap` puts them together, and nothing in `usecases` knows which one it got.
"""

from portproof.contracts.keeping import Head, RunSummary, Store
from portproof.contracts.listing import FetchSummary, Secrets, TargetBook, TargetSource
from portproof.contracts.scanning import (
    Clock,
    Progress,
    Resolver,
    ScanListener,
    Scanner,
    StopSignal,
)
from portproof.contracts.writing import ExpressionLanguage, History, Renderer, SignatureCheck

__all__ = [
    "Clock",
    "ExpressionLanguage",
    "FetchSummary",
    "Head",
    "History",
    "Progress",
    "Renderer",
    "Resolver",
    "RunSummary",
    "ScanListener",
    "Scanner",
    "Secrets",
    "SignatureCheck",
    "StopSignal",
    "Store",
    "TargetBook",
    "TargetSource",
]

"""portproof: proves, from named places and with evidence, that only approved ports are reachable.

The map of the house; data flows one way, left to right, and nothing flows back::

    targets ─► plan ─► scan ─► outcomes ─► store ─► policy ─► findings ─► compliance ─► report

    errors        the exception tree
    model         the vocabulary: what every other room speaks
    probes        one protocol = one file, conversations without a socket
    plan          what will be sent, in which order, and whether it may be: pure
    policy        observed against approved; findings and their life: pure
    compliance    facts onto the controls of frameworks: pure
    evidence      canonical JSON, leaves, masking
    contracts     the Protocols where I/O attaches
    usecases      the sentences the product can say
    documents     YAML in, frozen model out, every fault with its place
    scan          the engines, on real sockets
    store         SQLite through SQLModel, migrations, the append-only log
    render        HTML, PDF, JSON, SARIF, JUnit
    settings      the only reader of the environment and the configuration file
    assets        finds policies/ and reports/ in a wheel or a checkout
    bootstrap     the composition root: the only module that knows all adapters
    cli           the commands

Read `model` first, then `usecases.audit`, which is the whole flow on one page.
"""

__version__ = "0.1.0"

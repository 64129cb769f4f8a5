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
    sources       where targets are listed: registers, DNS, clusters, clouds
    documents     YAML in, frozen model out, every fault with its place
    scan          the engines, on real sockets
    store         SQLite through SQLModel, migrations, the append-only log
    render        HTML, PDF, JSON, SARIF, JUnit
    settings      the only reader of the environment and the configuration file
    assets        finds policies/ and reports/ in a wheel or a checkout
    bootstrap     the composition root: the only module that knows all adapters
    cli           the commands

Read `model` first, then `usecases.scan` and `usecases.check`: the whole flow on two pages.

The laws that the code and its comments speak of:

1. Absence of evidence has a type. What was not measured never looks like a good result: an
   `Observation` is the peer's doing, an `Unmeasured` our own fault, and a verdict may be UNKNOWN.
2. Silence needs a witness: it counts only between answers of a control on the same route.
3. One way: targets, plan, scan, outcomes, store, policy, findings, reports. Nothing flows back.
4. Nothing is sent without authority, checked when the plan is made and again before packets leave.
5. The past is append-only.
6. The least privilege; portproof's own listeners are recorded and attributed, never findings.
"""

__version__ = "0.1.0"

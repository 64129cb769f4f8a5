"""The vocabulary that every other room speaks: frozen values, no I/O.

Reading order::

    endpoint      Address, Transport, Endpoint
    ports         PortSet, the set of port numbers
    portspec      what a person writes to name ports (nmap's grammar)    iana   its service names
    targetspec    what a person writes to list hosts
    vantage       Vantage, Zone: where from
    observation   PortState, Reason, Observation | Unmeasured: what was seen, or could not be
    probe         Turn, StartTls, Dialogue: a conversation without a socket
    batch         outcomes by the thousand, as NumPy columns
    scan          ScanPlan before, RunRecord after
    drawn         how far an order of probes was drawn
    carried       what one run hands to the next: Checkpoint, Carried
    authorisation who allows which addresses (law 4)
    baseline      the approved services     waiver   accepted risks     rule   the data files
    finding       Verdict, Judgement, Finding and its life
    compliance    AssertedFact, ControlResult
    settings      what the configuration file says
    evidence      `evidence.json`, the source of truth of every report

The hardest decision: two outcomes are two types. `Observation` is what the peer did, `Unmeasured`
what we could not do; nothing here has a state that could stand for both, so a fault of ours can
never be counted as a closed port.
"""

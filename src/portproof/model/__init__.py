"""The vocabulary that every other room speaks: frozen values, no I/O.

Reading order::

    endpoint      Address, Transport, Endpoint
    ports         PortSet, the set of port numbers
    portspec      what a person writes to name ports (nmap's grammar)    iana   its service names
    targetspec    what a person writes to list hosts
    vantage       Vantage, Zone: where from            way    the proxy it probes through
    observation   PortState, Reason, Observation | Unmeasured: what was seen, or could not be
    probe         Turn, StartTls, Dialogue: a conversation without a socket
    batch         outcomes by the thousand, as NumPy columns
    scan          ScanPlan before, RunRecord after
    drawn         how far an order of probes was drawn
    carried       what one run hands to the next: Checkpoint, Carried
    authorisation who allows which addresses (law 4)
    baseline      the approved services     waiver   accepted risks     rule   the data files
    approval      who approved an entry, how that is known, who is entitled
    judged_baseline  what runs were judged by, entry by entry
    finding       Verdict, Judgement, Finding and its life
    custom_rule   rules that a customer writes, and what they may speak of
    review        who reviewed the register, and what that comes to
    deadlines     by when findings are mended, and have a ticket     ticket   a ticket, and its system
    segmentation  which zone may reach which     segmentation_result  what a test came to
    segmentation_record  a matrix as it was kept, and what due dates are counted from
    compliance    AssertedFact, ControlResult
    linted        what is wrong with a document
    source        what a target source lists     inventory   what is remembered of a target
    settings      what the configuration file says
    evidence      `evidence.json`, the source of truth of every report
    drift         what changed between runs      drift_document  as `diff` tells it
    register      the approved services as people read them
    change_plan   what a changed baseline would do
    reconcile     listeners, firewall rules, and how they agree with a run
    listening     what a line of `ss` or a row of osquery says listens

The hardest decision: two outcomes are two types. `Observation` is what the peer did, `Unmeasured`
what we could not do; nothing here has a state that could stand for both, so a fault of ours can
never be counted as a closed port.
"""

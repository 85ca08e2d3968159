"""seatrial: chaos and conformance trials whose verdicts can be trusted.

Imports go one way, and import-linter holds them to it::

    cli, plugin, chaos, testing, hooks         the doorways
    rogues                                     trials of the trial
    run                                        the only composer
    live                                       a trial while it lives
    ground, plan                               what a run stands on, and what decides it
    healing, watchdog                          puts right what a run that died left broken
    cluster faults probes load evidence
        checks report workload profiles        never each other
    kube, timing, command, progress            not for checks and report
    history, scrub                             the files of a run as bytes
    places                                     where files lie
    model, errors                              standard library only
"""

__version__ = "0.1.0"

"""The guarantees of the family topology: who leads, and who belongs to it.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import leading
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "topology.leader",
        "no term has two leaders, and within a bound of a leader's loss the others acknowledge "
        "writes again",
        "https://raft.github.io/raft.pdf",
        "every member is asked who leads, before, between and after the faults; the process of the "
        "leader is killed under load",
        ("process-kill",),
        leading.leader,
    ),
)

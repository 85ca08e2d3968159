"""The guarantees of the family recovery: how a lost member comes back.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import recovery
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "recovery.six-stages",
        "backup, node lost with its disk, stuck pods cleared, rescheduled off the dead node, "
        "newest snapshot restored, serving as the same ordinal; seconds a stage",
        "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/"
        "#non-graceful-node-shutdown",
        "the node of a member is killed and its disk is gone, under load, after a backup",
        ("node-lost",),
        recovery.six_stages,
        drill="node-loss",
    ),
)

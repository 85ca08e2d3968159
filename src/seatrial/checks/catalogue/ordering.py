"""The guarantees of the family ordering: in which order members come and go.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import ordering
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "ordering.scale-down",
        "highest ordinal first, one at a time, next only when the last is wholly gone",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
        "#deployment-and-scaling-guarantees",
        "3 -> 1; deletion and end of every pod are compared by resourceVersion",
        ("scale-down",),
        ordering.scale_down,
    ),
)

"""The guarantees of the family storage: what a member keeps.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import storage
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "storage.rebind",
        "after pod drift the same claim and the same volume return to the same ordinal, "
        "with its token file",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
        "each member is deleted and evicted; claim uid, volume uid and token are compared; the "
        "drill node-out-of-service shows it on another node, where the class allows that",
        ("pod-delete", "pod-evict"),
        storage.rebind,
    ),
    Guarantee(
        "storage.kept-on-scale-down",
        "claims outlive scale-down; scale-up finds the old data",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
        "#persistentvolumeclaim-retention",
        "3 -> 1 -> 3; the claims are watched all the time, tokens are compared",
        ("scale-down",),
        storage.kept_on_scale_down,
    ),
)

"""The guarantees of the family durability: what clients were promised.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import durability
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "durability.acknowledged",
        "no acknowledged write is lost or altered under a fault; what is lost is counted in "
        "records and seconds, tail loss told apart from holes",
        "https://github.com/jepsen-io/jepsen/blob/main/jepsen/src/jepsen/checker.clj",
        "writers at each member before, during and after the faults; at the end each is read whole",
        ("pod-delete",),
        durability.acknowledged,
    ),
)

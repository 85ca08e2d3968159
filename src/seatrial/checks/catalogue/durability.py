"""The guarantees of the family durability: what clients were promised.

May import: model, checks.*.
"""

from __future__ import annotations

import importlib
from typing import cast

from seatrial.checks import durability
from seatrial.model import Check, Guarantee, History, Verdict


def _modelled(name: str) -> Check:
    """Give a check of checks.modelled: numpy comes with it, and no other check waits for that."""

    def check(history: History) -> Verdict:
        module = importlib.import_module("seatrial.checks.modelled")
        return cast("Check", getattr(module, name))(history)

    return check


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
    Guarantee(
        "durability.register",
        "what clients read and write through any member, compare-and-set too, has one order in "
        "which each operation takes effect between its beginning and its end",
        "https://github.com/jepsen-io/jepsen/blob/main/jepsen/src/jepsen/tests/"
        "linearizable_register.clj",
        "a client a member reads and writes three keys through all of them, every value once",
        ("partition",),
        _modelled("register"),
    ),
    Guarantee(
        "durability.bank",
        "transfers between accounts leave their total as it is, in every read of all of them",
        "https://github.com/jepsen-io/jepsen/blob/main/jepsen/src/jepsen/tests/bank.clj",
        "a client a member moves money between five accounts, and reads all of them at once",
        ("partition",),
        _modelled("bank"),
    ),
    Guarantee(
        "durability.session",
        "a client that wanders over the members reads its own writes, and nothing older than what "
        "it has read before",
        "https://www.cs.cornell.edu/courses/cs734/2000FA/cached%20papers/"
        "SessionGuaranteesPDIS_1.html",
        "a session a member writes a key of its own and reads it elsewhere, and others' keys",
        ("partition",),
        _modelled("session"),
    ),
)

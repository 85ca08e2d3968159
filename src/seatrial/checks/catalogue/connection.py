"""The guarantees of the family connection: how clients reach members, and leave them.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import failing, spreading
from seatrial.model import Guarantee

_PINNED = "https://github.com/kubernetes/kubernetes/issues/38456"

GUARANTEES = (
    Guarantee(
        "connection.pins",
        "how unevenly each way of connecting loads the members",
        _PINNED,
        "one channel a way, a call at every tick; every answer says who gave it",
        (),
        spreading.pins,
        kind="figure",
    ),
    Guarantee(
        "connection.spreads",
        "by each claimed way of connecting each member gets its share of the calls, 0.5 to 1.5 "
        "times an equal one where nothing else is claimed",
        _PINNED,
        "one channel a way, a call at every tick; holds when each member's interval lies in the "
        "band but for a chance of one in a million, broken when one lies wholly outside",
        (),
        spreading.spreads,
    ),
    Guarantee(
        "connection.rebalances",
        "after scale-up new members get their share of the calls within a bound",
        "https://github.com/grpc/grpc/issues/12295",
        "3 -> 5 -> 3 while calls go on; the shares of five once the time is over",
        ("scale-up",),
        spreading.rebalances,
    ),
    Guarantee(
        "connection.drains",
        "while all members are restarted in order no call fails",
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
        "a rolling update there and back under an open-loop load of short calls and streams",
        ("rolling-update",),
        failing.drains,
    ),
    Guarantee(
        "connection.fails-over",
        "after a node is lost calls succeed again within a bound, and none hangs beyond its "
        "deadline",
        "https://grpc.io/docs/guides/keepalive/",
        "the node of a member is killed, and another is cut off without a word, under an open-loop "
        "load; each stays away for as long as callers may take to notice",
        ("node-kill", "node-cut"),
        failing.fails_over,
    ),
)

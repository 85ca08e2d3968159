"""The guarantees of the family session: where clients are sent, and what becomes of sessions.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import affinity, homing
from seatrial.model import Guarantee

_PROXIES = "https://kubernetes.io/docs/reference/networking/virtual-ips/#session-affinity"
_HITS = ("pod-delete", "scale-down", "rolling-update")

GUARANTEES = (
    Guarantee(
        "session.sticky",
        "under ClientIP affinity every request of one client lands on one pod",
        _PROXIES,
        "new TCP connections from several source addresses, source ports recorded; as many as "
        "leave a false pass a chance of one in a million",
        (),
        affinity.sticky,
    ),
    Guarantee(
        "session.timeout",
        "stickiness ends after timeoutSeconds without a new connection, and not before",
        _PROXIES,
        "pauses on both sides of the limit from at least 13 source addresses at 3 pods",
        (),
        affinity.timeout,
    ),
    Guarantee(
        "session.drift",
        "when a pod dies its clients are answered by another one in time, and lost sessions are "
        "told, not hidden",
        "https://github.com/kubernetes/kubernetes/issues/110302",
        "every pod is deleted in turn, the set scaled down and up and rolled, under open-loop "
        "visits",
        _HITS,
        homing.drift,
    ),
    Guarantee(
        "session.external",
        "with an external store no session is lost when pods die",
        "https://12factor.net/processes",
        "every pod is deleted in turn, the set scaled down and up and rolled, under open-loop "
        "visits; each answer tells the session's count",
        _HITS,
        homing.external,
    ),
    Guarantee(
        "session.cookie",
        "cookie affinity keeps a browser on one pod behind a shared source address",
        "https://github.com/kubernetes/kubernetes/issues/43958",
        "14 browsers of one address visit through nginx, or Envoy, which go by cookie",
        (),
        affinity.cookie,
    ),
)

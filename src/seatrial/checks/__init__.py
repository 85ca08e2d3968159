"""Guarantees: pure functions of a History, and the table CHECKS that names them.

No clock, no network, no randomness: yesterday's run can be judged by today's check anywhere.
May import: model, errors.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping

from seatrial.checks import dns, durability, identity, ordering, recovery, storage
from seatrial.errors import BadInput
from seatrial.model import Guarantee, History, Standing, Verdict

_GUARANTEES = (
    Guarantee(
        "identity.hostname",
        "pod name and hostname are <set>-<ordinal> again after every reschedule",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id",
        "each member is deleted and evicted; every new pod is asked its hostname inside",
        ("pod-delete", "pod-evict"),
        identity.hostname,
    ),
    Guarantee(
        "identity.dns",
        "<pod>.<service>.<ns>.svc resolves to the current address of that ordinal within a bound; "
        "per DNS server, never the old answer after the first new one",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id",
        "each member is deleted and evicted; each CoreDNS address is asked from inside the cluster",
        ("pod-delete", "pod-evict"),
        dns.dns,
    ),
    Guarantee(
        "storage.rebind",
        "after pod drift the same claim and the same volume return to the same ordinal, "
        "with its token file",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
        "each member is deleted and evicted; claim uid, volume uid and token are compared",
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
    Guarantee(
        "ordering.scale-down",
        "highest ordinal first, one at a time, next only when the last is wholly gone",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
        "#deployment-and-scaling-guarantees",
        "3 -> 1; deletion and end of every pod are compared by resourceVersion",
        ("scale-down",),
        ordering.scale_down,
    ),
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

CHECKS: Mapping[str, Guarantee] = {guarantee.id: guarantee for guarantee in _GUARANTEES}


def chosen(patterns: Iterable[str]) -> tuple[Guarantee, ...]:
    """Give the guarantees that any of the ids or globs name, in the table's order.

    Raises BadInput for a pattern that names none, with the nearest id.
    """
    patterns = tuple(patterns)
    for pattern in patterns:
        if not fnmatch.filter(CHECKS, pattern):
            raise _unknown(pattern)
    return tuple(g for g in _GUARANTEES if any(fnmatch.fnmatch(g.id, p) for p in patterns))


def judge(history: History, guarantees: Iterable[Guarantee]) -> tuple[Verdict, ...]:
    """Judge a closed History; a check that fails itself is unknown, with its error as reason."""
    return tuple(_judged(history, guarantee) for guarantee in guarantees)


def _judged(history: History, guarantee: Guarantee) -> Verdict:
    try:
        return guarantee.check(history)
    except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return Verdict(guarantee.id, Standing.UNKNOWN, reason)


def _unknown(pattern: str) -> BadInput:
    near = difflib.get_close_matches(pattern, CHECKS, 1, 0.4)
    return BadInput(
        f"a guarantee named {pattern}",
        seen=f"the table has {', '.join(CHECKS)}",
        remedy=f"did you mean {near[0]}?" if near else "`seatrial list guarantees`",
    )

"""The guarantees of the family ordering: in which order members come and go.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import (
    adoptions,
    broken_updates,
    budgets,
    deploys,
    graceful,
    halts,
    ordering,
    rollouts,
)
from seatrial.model import Guarantee

_SETS = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"

GUARANTEES = (
    Guarantee(
        "ordering.deploy",
        "ordinal n+1 is created only after n is Ready; all at once where Parallel is claimed",
        f"{_SETS}#deployment-and-scaling-guarantees",
        "deploy, watched from before the set was there; making and Ready are compared by "
        "resourceVersion; ledger-parallel claims the contrary",
        (),
        deploys.deploy,
    ),
    Guarantee(
        "ordering.scale-down",
        "highest ordinal first, one at a time, next only when the last is wholly gone; all at once "
        "where Parallel is claimed",
        f"{_SETS}#deployment-and-scaling-guarantees",
        "3 -> 1; deletion and end of every pod are compared by resourceVersion",
        ("scale-down",),
        ordering.scale_down,
    ),
    Guarantee(
        "ordering.scale-down-waits",
        "scale-down halts while a lower ordinal is unhealthy and goes on when it heals",
        f"{_SETS}#deployment-and-scaling-guarantees",
        "member 0 is ended and held back, the set counts one ready member less, 3 -> 1 is asked "
        "for; after a while it is let go",
        ("unready-scale-down",),
        halts.scale_down_waits,
    ),
    Guarantee(
        "ordering.rolling-update",
        "highest first, one at a time, waits for Ready and minReadySeconds; partition and OnDelete "
        "are honoured; the template's revision is recorded",
        f"{_SETS}#update-strategies",
        "a new annotation in the template: first for the highest member alone (partition), then "
        "for all, then back",
        ("rolling-update",),
        rollouts.rolling_update,
    ),
    Guarantee(
        "ordering.broken-update",
        "a revision that never gets Ready stops the rollout at one pod; going back heals, or the "
        "known need for a hand is named",
        f"{_SETS}#forced-rollback",
        "a revision whose containers start and serve nobody (--fault broken-update:image: whose "
        "image nobody has); after a while the template is put back",
        ("broken-update",),
        broken_updates.broken_update,
    ),
    Guarantee(
        "ordering.adopt",
        "an orphaned pod is adopted again by its set without a restart",
        "https://kubernetes.io/docs/tasks/run-application/delete-stateful-set/",
        "the set is deleted, its pods are not; it is made again; uids, containers and owners are "
        "compared",
        ("set-orphan",),
        adoptions.adopt,
    ),
    Guarantee(
        "ordering.graceful-stop",
        "SIGTERM, preStop and grace period are honoured; a member leaves before it stops; no "
        "acknowledged work is lost",
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
        "3 -> 1 and an eviction of each member under load; how each container ended, when its "
        "endpoints left, and what clients were promised",
        ("scale-down", "pod-evict"),
        graceful.graceful_stop,
    ),
    Guarantee(
        "ordering.disruption-budget",
        "evictions never take more than the budget allows",
        "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
        "every member is evicted at once, again and again until all have gone; who is away is "
        "counted by resourceVersion",
        ("evict-all",),
        budgets.disruption_budget,
    ),
)

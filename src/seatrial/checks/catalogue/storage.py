"""The guarantees of the family storage: what a member keeps.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import (
    claims,
    classes,
    durable,
    lost_claims,
    retention,
    speeds,
    storage,
    synced,
    wiring,
)
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "storage.claim-per-ordinal",
        "exactly one claim a template and ordinal, named so, bound to one volume",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
        "deploy; what every pod mounts is compared with the templates and the bound volumes",
        (),
        claims.per_ordinal,
    ),
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
        "storage.no-cross-wiring",
        "after all pods were churned at once, ordinal i's token is found at i only",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
        "all pods are deleted together, 3 rounds (--fault pods-delete:10 for ten); tokens compared",
        ("pods-delete",),
        wiring.no_cross_wiring,
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
        "storage.reattached",
        "claims outlive the deletion of the set; the set made again finds the old data",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
        "#persistentvolumeclaim-retention",
        "the set is deleted and made again; claims are watched all the time, tokens compared",
        ("set-delete",),
        storage.reattached,
    ),
    Guarantee(
        "storage.retention-policy",
        "claims stay or go as the set declares, when it is scaled down and when it is deleted",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
        "#persistentvolumeclaim-retention",
        "3 -> 1 -> 3, and the set deleted and made again; the "
        "profiles ledger-drops-* declare the other three of the four combinations",
        ("scale-down", "set-delete"),
        retention.policy,
    ),
    Guarantee(
        "storage.durable",
        "acknowledged data outlive SIGKILL of the process, deletion of the pod and a crash of the "
        "node's container (the host's page cache survives)",
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes/",
        "a member is killed with SIGKILL from its node's side, and each is deleted, while clients "
        "write; each is read whole at the end. --fault node-kill adds the node's crash",
        ("process-kill", "pod-delete"),
        durable.durable,
    ),
    Guarantee(
        "storage.synced",
        "acknowledged data outlive the loss of everything that was not synced",
        "https://github.com/dsrhaslab/lazyfs",
        "a file system of ours stands before a member's volume while clients write; it takes back "
        "what was not synced, and the member with it; each is read whole at the end",
        ("disk-unsynced-loss",),
        synced.synced,
        of_the_ground=True,
    ),
    Guarantee(
        "storage.reclaim",
        "the directory of a deleted claim goes with the policy Delete and stays with Retain, as "
        "the profile declares, else its class",
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
        "a claim of our own, of the set's class, is written to and deleted; its volume is watched, "
        "its node's disk looked at",
        ("scratch-claim",),
        classes.reclaim,
    ),
    Guarantee(
        "storage.expand",
        "a claim grows without losing data where its class allows that",
        "https://kubernetes.io/docs/concepts/storage/persistent-volumes/"
        "#expanding-persistent-volumes-claims",
        "a claim of our own, of the set's class, is asked to grow; unknown where it must not, as "
        "on kind's class",
        ("scratch-claim",),
        classes.expand,
        of_the_ground=True,
    ),
    Guarantee(
        "storage.local-vs-network",
        "sync-write latency and throughput of the class, and their ratio to the node's own disk",
        "https://kubernetes.io/docs/concepts/storage/volumes/#local",
        "a pod writes and syncs in turns on a claim of the set's class and on its node's own disk",
        ("scratch-claim",),
        speeds.local_vs_network,
        kind="figure",
        of_the_ground=True,
    ),
    Guarantee(
        "storage.claim-lost",
        "a member whose claim was lost and made again empty is never Ready without its token, "
        "unless it was restored",
        "https://github.com/kubernetes/kubernetes/issues/113139",
        "claim and pod of one member are deleted; it is watched on the empty claim that its "
        "controller makes, asked for its token there, and given its old volume back",
        ("claim-lost",),
        lost_claims.claim_lost,
    ),
)

"""The guarantees of the family topology: who leads, and who belongs to it.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import belonging, copies, discovering, leading, placed
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "topology.leader",
        "no term has two leaders, and within a bound of a leader's loss the others acknowledge "
        "writes again",
        "https://raft.github.io/raft.pdf",
        "every member is asked who leads, before, between and after the faults; the process of the "
        "leader is killed under load",
        ("process-kill",),
        leading.leader,
    ),
    Guarantee(
        "topology.spread",
        "members sit on different nodes, and zones where claimed, also after recovery",
        "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/"
        "#inter-pod-affinity-and-anti-affinity",
        "each member is deleted; where all are is looked at after the deployment, after each "
        "healing, and in the end",
        ("pod-delete",),
        placed.spread,
    ),
    Guarantee(
        "topology.discovery",
        "members find each other by stable name after every address changed",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id",
        "all members are deleted at once, under load; each must acknowledge again what takes a "
        "majority",
        ("pods-delete",),
        discovering.discovery,
    ),
    Guarantee(
        "topology.redundancy",
        "after losing a member the declared number of copies is back within a bound, without a "
        "hand",
        "https://etcd.io/docs/v3.4/op-guide/failures/",
        "the node of one member ends under load; in the end each is read whole, and copies of each "
        "record are counted",
        ("node-kill",),
        copies.redundancy,
    ),
    Guarantee(
        "topology.membership",
        "a new ordinal joins, one that is taken away leaves, and no member lists ghosts",
        "https://etcd.io/docs/v3.4/op-guide/runtime-configuration/",
        "the set is scaled up by two and down again, under load; each member is asked whom it "
        "lists, meanwhile and afterwards",
        ("scale-up",),
        belonging.membership,
    ),
)

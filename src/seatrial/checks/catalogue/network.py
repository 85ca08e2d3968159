"""The guarantees of the family network: in and out of the pod network.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import network
from seatrial.model import Guarantee

_SOURCE = "https://kubernetes.io/docs/tutorials/services/source-ip/"
_AFTER = "each member is deleted, and before, between and after that "
GUARANTEES = (
    Guarantee(
        "network.egress",
        "each member reaches an address outside the pod network",
        "https://kubernetes.io/docs/concepts/services-networking/",
        _AFTER + "each fetches a page from a pod in a node's own network",
        ("pod-delete",),
        network.egress,
    ),
    Guarantee(
        "network.node-port",
        "from outside the pod network each node answers for a NodePort, by a member",
        "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport",
        _AFTER + "each node is called, often enough to meet each member",
        ("pod-delete",),
        network.node_port,
    ),
    Guarantee(
        "network.source-kept",
        "where traffic from outside stays local, a member sees the caller's own address, and a "
        "node without a member does not answer",
        _SOURCE,
        _AFTER + "each node is called from another one; members say whom they see",
        ("pod-delete",),
        network.source_kept,
    ),
    Guarantee(
        "network.headless-outside",
        "from a node a member's stable name resolves to its current address, and it answers there",
        "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
        _AFTER + "a pod in a node's own network asks each DNS server and calls each member",
        ("pod-delete",),
        network.headless_outside,
    ),
)

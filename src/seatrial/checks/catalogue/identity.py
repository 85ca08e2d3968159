"""The guarantees of the family identity: who a member is.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import alone, clusters, dns, identity, labels, own_id
from seatrial.model import Guarantee

GUARANTEES = (
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
        "identity.labels",
        "the labels pod-name and pod-index tell the ordinal; the set's own start is honoured",
        "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#start-ordinal",
        "each member is deleted; every sight of every pod is read. ledger-start-five counts from 5",
        ("pod-delete",),
        labels.labels,
    ),
    Guarantee(
        "identity.at-most-one",
        "never two live containers of one ordinal, also while a node is cut off",
        "https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/",
        "the node of a member is cut off until its pod is told to go; the runtimes of all nodes, "
        "not the API server, say which containers run",
        ("node-cut",),
        alone.at_most_one,
    ),
    Guarantee(
        "identity.member-id",
        "the application's own id (myid, node.id, server-id) follows the ordinal across drift",
        "https://kubernetes.io/docs/tutorials/stateful-application/zookeeper/",
        "each member is deleted and evicted; each is asked its own id before and after",
        ("pod-delete", "pod-evict"),
        own_id.member_id,
    ),
    Guarantee(
        "identity.one-cluster",
        "all members carry one cluster id; one that lost its disk founds no second cluster",
        "https://etcd.io/docs/v3.5/op-guide/clustering/",
        "the lowest member loses its claim; each is asked its cluster id before and after, and "
        "that one on its empty disk, too",
        ("claim-lost",),
        clusters.one_cluster,
    ),
)

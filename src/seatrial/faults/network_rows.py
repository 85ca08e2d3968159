"""The rows of the table of faults that are about the network between pods.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import bandwidth, dns_outage, latency, packet_loss, partition
from seatrial.faults.row import Fault

_FILTERED = {
    "kind": "can, by the packet filter of the member's node",
    "existing": "cannot: its nodes' packet filters are not ours to change",
}
_EMULATED = {
    "kind": "can, by the kernel's netem (`seatrial doctor` says), else by a proxy beside it",
    "existing": "cannot: its nodes are not ours to enter",
}
_POLICING = "https://wiki.nftables.org/wiki-nftables/index.php/Rate_limiting_matchings"

OF_NETWORKS = (
    Fault(
        "partition",
        "the member and its peers do not get what the other sends; its clients reach it still",
        "https://github.com/jepsen-io/jepsen/blob/main/doc/tutorial/05-nemesis.md",
        partition.inject,
        _FILTERED,
        partition.undo,
    ),
    Fault(
        "partition-one-way",
        "the member's peers do not get what it sends, while it gets all that they send",
        "https://www.usenix.org/conference/osdi18/presentation/alquraan",
        partition.inject_one_way,
        _FILTERED,
        partition.undo_one_way,
    ),
    Fault(
        "packet-loss",
        "three in ten packets to and from the member are dropped, by chance",
        "https://wiki.nftables.org/wiki-nftables/index.php/Load_balancing",
        packet_loss.inject,
        _FILTERED,
        packet_loss.undo,
    ),
    Fault(
        "bandwidth",
        "what the member sends or gets above 64 kilobytes a second is dropped",
        _POLICING,
        bandwidth.inject,
        _FILTERED,
        bandwidth.undo,
    ),
    Fault(
        "latency",
        "all that the member sends is 200 ms late; without netem what it answers over TCP to who "
        "connects from now on, and it sees its own address as theirs",
        "https://man7.org/linux/man-pages/man8/tc-netem.8.html",
        latency.inject,
        _EMULATED,
        latency.undo,
    ),
    Fault(
        "dns-outage",
        "what the members send to port 53 is dropped, so that they resolve no name",
        "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
        dns_outage.inject,
        _FILTERED,
        dns_outage.undo,
    ),
)

"""The rows of the table of faults that are about what a member lives on: its machine's past.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import node_stale_return
from seatrial.faults.row import Fault

_MACHINE = {
    "kind": "can, a worker, where volumes can move (three-workers-shared)",
    "existing": "cannot: its machines are not ours to stop",
}

OF_PLIGHTS = (
    Fault(
        "node-stale-return",
        "the member's node ends at once and is kept dead until the member serves on another; "
        "then the old one is started again, with its stale disk",
        "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/"
        "#non-graceful-node-shutdown",
        node_stale_return.inject,
        _MACHINE,
        node_stale_return.undo,
    ),
)

"""The rows of the table of faults that are about what a member lives on.

Its machine's past, its configuration, its share of CPU and memory, its files, its clock.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import config_deleted, node_stale_return
from seatrial.faults.row import Fault

_MACHINE = {
    "kind": "can, a worker, where volumes can move (three-workers-shared)",
    "existing": "cannot: its machines are not ours to stop",
}
_CONFIGURED = {
    "kind": "can, a set whose template names one",
    "existing": "can, in a namespace of ours, a set whose template names one",
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
    Fault(
        "config-deleted",
        "the first ConfigMap that the set's template names is deleted, and made again as it was",
        "https://kubernetes.io/docs/concepts/configuration/configmap/",
        config_deleted.inject_map,
        _CONFIGURED,
        config_deleted.undo_map,
    ),
    Fault(
        "secret-deleted",
        "the first Secret that the set's template names is deleted, and made again as it was",
        "https://kubernetes.io/docs/concepts/configuration/secret/",
        config_deleted.inject_secret,
        _CONFIGURED,
        config_deleted.undo_secret,
    ),
)

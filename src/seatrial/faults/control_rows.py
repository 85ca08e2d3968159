"""The rows of the table of faults that are about the control plane: only for who names them.

No guarantee needs one, so none is ever planned by itself; a test holds that.
May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import apiserver_restart, control_plane, etcd_freeze, steward_stop
from seatrial.faults.row import Fault

_ASKED = {
    "kind": "can, by its name only, on a control plane of one node",
    "existing": "cannot: its control plane is not ours to stop",
}
_LEASES = "https://kubernetes.io/docs/concepts/architecture/leases/"

OF_CONTROL_PLANES = (
    Fault(
        "apiserver-restart",
        "the API server is sent SIGKILL by its node's runtime; its kubelet starts it again",
        "https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/",
        apiserver_restart.inject,
        _ASKED,
    ),
    Fault(
        "controller-manager-stop",
        "the controller manager stands still, so that nothing is reconciled, and goes on",
        _LEASES,
        steward_stop.inject_manager,
        _ASKED,
        control_plane.undo,
    ),
    Fault(
        "scheduler-stop",
        "the scheduler stands still, so that no pod is given a node, and goes on",
        _LEASES,
        steward_stop.inject_scheduler,
        _ASKED,
        control_plane.undo,
    ),
    Fault(
        "etcd-freeze",
        "etcd stands still for seconds, so that no write is answered, and goes on",
        "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/",
        etcd_freeze.inject,
        _ASKED,
        control_plane.undo,
    ),
)

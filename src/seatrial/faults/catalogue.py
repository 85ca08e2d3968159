"""The table of faults: what each does, where that is written down, and who can do it.

May import: faults.*.
"""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.faults import (
    broken_update,
    claim_lost,
    evict_all,
    node_cut,
    node_kill,
    node_lost,
    node_stop,
    pod_delete,
    pod_evict,
    pods_delete,
    process_kill,
    rolling_update,
    scale_down,
    scale_up,
    scratch_claim,
    set_delete,
    set_orphan,
    unready_scale_down,
)
from seatrial.faults.control_rows import OF_CONTROL_PLANES
from seatrial.faults.machine_rows import OF_MACHINES
from seatrial.faults.network_rows import OF_NETWORKS
from seatrial.faults.plight_rows import OF_PLIGHTS
from seatrial.faults.recovery_rows import OF_RECOVERY
from seatrial.faults.row import Fault
from seatrial.faults.storage_rows import OF_DISKS

_ANYWHERE = {"kind": "can", "existing": "can, in a namespace of ours"}
_OURS = {"kind": "can, a worker", "existing": "cannot: its machines are not ours to stop"}

_RUNTIME = {"kind": "can", "existing": "cannot: its nodes' runtimes are not ours to ask"}

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "pod-delete",
            "the member's pod is deleted with its own grace period",
            "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
            pod_delete.inject,
            _ANYWHERE,
        ),
        Fault(
            "pod-evict",
            "the member's pod is evicted through the Eviction API, as a drain does it",
            "https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/",
            pod_evict.inject,
            _ANYWHERE,
        ),
        Fault(
            "pods-delete",
            "the pods of the ordinal and of all above it are deleted together",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
            pods_delete.inject,
            _ANYWHERE,
        ),
        Fault(
            "process-kill",
            "the member's main process is sent SIGKILL by its node's runtime; the kubelet starts "
            "its container again in the same pod",
            "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy",
            process_kill.inject,
            _RUNTIME,
        ),
        Fault(
            "node-stop",
            "the member's node is shut down in order, and started again",
            "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/",
            node_stop.inject,
            _OURS,
            node_stop.undo,
        ),
        Fault(
            "node-kill",
            "the member's node ends at once, as in a power cut, and is started again",
            "https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller",
            node_kill.inject,
            _OURS,
            node_kill.undo,
        ),
        Fault(
            "node-lost",
            "the member's node ends at once and its disk with it; a new one joins under its name",
            "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/"
            "#non-graceful-node-shutdown",
            node_lost.inject,
            _OURS,
            node_lost.undo,
        ),
        Fault(
            "node-cut",
            "the member's node is cut off from all others while its containers live on",
            "https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/",
            node_cut.inject,
            _OURS,
            node_cut.undo,
        ),
        Fault(
            "scale-down",
            "the set is scaled down to the ordinal, so that it and all above end, and up again",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#deployment-and-scaling-guarantees",
            scale_down.inject,
            _ANYWHERE,
            scale_down.undo,
        ),
        Fault(
            "scale-up",
            "the set is scaled up by two members, and down again",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#deployment-and-scaling-guarantees",
            scale_up.inject,
            _ANYWHERE,
            scale_up.undo,
        ),
        Fault(
            "set-delete",
            "the set is deleted with all its pods, by its own policy, and made again",
            "https://kubernetes.io/docs/tasks/run-application/delete-stateful-set/",
            set_delete.inject,
            _ANYWHERE,
            set_delete.undo,
        ),
        Fault(
            "rolling-update",
            "the set's template is given a new annotation, first for the highest member alone, "
            "then for all, and is put back",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#rolling-updates",
            rolling_update.inject,
            _ANYWHERE,
            rolling_update.undo,
        ),
        Fault(
            "broken-update",
            "the set's template is given an image that starts and serves nobody, and is put back; "
            "who stays broken is deleted by hand",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#forced-rollback",
            broken_update.inject,
            _ANYWHERE,
            broken_update.undo,
        ),
        Fault(
            "broken-update:image",
            "the set's template is given an image that nobody has, and is put back; who stays "
            "broken is deleted by hand",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#forced-rollback",
            broken_update.inject_image,
            _ANYWHERE,
            broken_update.undo,
        ),
        Fault(
            "unready-scale-down",
            "the member is ended and held back by a finalizer, so that it is not Ready, and the "
            "set is scaled down to it; it is let go, and the set is scaled up again",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#deployment-and-scaling-guarantees",
            unready_scale_down.inject,
            _ANYWHERE,
            unready_scale_down.undo,
        ),
        Fault(
            "set-orphan",
            "the set is deleted while its pods are left alone, and made again from its document",
            "https://kubernetes.io/docs/tasks/run-application/delete-stateful-set/",
            set_orphan.inject,
            _ANYWHERE,
            set_orphan.undo,
        ),
        Fault(
            "evict-all",
            "every member's pod is evicted at once, again and again until the budgets let it go",
            "https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/",
            evict_all.inject,
            _ANYWHERE,
        ),
        Fault(
            "scratch-claim",
            "a claim of the set's own storage class is made, written to, grown where the class "
            "allows it, and deleted; no member is touched",
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
            scratch_claim.inject,
            _ANYWHERE,
            scratch_claim.undo,
        ),
        Fault(
            "claim-lost",
            "the member's claims and pod are deleted while their volumes are kept, so that it "
            "starts on empty ones; then it is given the old ones back",
            "https://github.com/kubernetes/kubernetes/issues/113139",
            claim_lost.inject,
            {"kind": "can", "existing": "can, in a namespace of ours, by who may patch volumes"},
            claim_lost.undo,
        ),
        *OF_MACHINES,
        *OF_NETWORKS,
        *OF_CONTROL_PLANES,
        *OF_DISKS,
        *OF_PLIGHTS,
        *OF_RECOVERY,
    )
}

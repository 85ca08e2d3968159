"""Rows of the table of faults: what is done to one process, to one machine, or to a zone of them.

May import: faults.*.
"""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.faults import (
    kubelet_stop,
    node_cordon,
    node_cut_control_plane,
    node_drain,
    node_freeze,
    node_reboot,
    out_of_memory,
    pod_force_delete,
    process_hang,
    process_stop,
    runtime_stop,
    sidecar,
    thread_hang,
    zone_kill,
)
from seatrial.faults.row import Fault

_POD = {"kind": "can", "existing": "can, in a namespace of ours"}
_PROCESS = {"kind": "can", "existing": "cannot: its nodes' runtimes are not ours to ask"}
_BESIDE = {
    "kind": "can, a profile that names its `sidecar`",
    "existing": _PROCESS["existing"],
}
_THREADS = {
    "kind": "can, a program of which single threads accept, and sync to the disk",
    "existing": "cannot: its nodes' processes are not ours to stop",
}
_MEMORY = {
    "kind": "can, a container with a memory limit",
    "existing": "cannot: its nodes' control groups are not ours to fill",
}
_MACHINE = {"kind": "can, a worker", "existing": "cannot: its machines are not ours to stop"}
_SHARED = {
    "kind": "can, a worker",
    "existing": "cannot: others' pods are on its nodes, which are not ours to close",
}
_ZONE: Mapping[str, str] = {
    "kind": "can, where the shape has zones (two-zones)",
    "existing": "cannot: its machines are not ours to stop",
}

OF_MACHINES = (
    Fault(
        "pod-force-delete",
        "the member's pod is deleted without a grace period, and nobody waits for its container",
        "https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/",
        pod_force_delete.inject,
        _POD,
    ),
    Fault(
        "process-stop",
        "the member's main process is stopped (SIGSTOP): it is there and answers nobody; it is "
        "let go on, unless the kubelet has started it again",
        "https://kubernetes.io/docs/concepts/workloads/pods/probes/",
        process_stop.inject,
        _PROCESS,
        process_stop.undo,
    ),
    Fault(
        "process-hang",
        "the member's main process is stopped (SIGSTOP) with its sockets open, and left so until "
        "its kubelet starts it again or it is replaced; let go on when nobody does in time",
        "https://kubernetes.io/docs/tasks/configure-pod-container/"
        "configure-liveness-readiness-startup-probes/",
        process_hang.inject,
        _PROCESS,
        process_hang.undo,
    ),
    Fault(
        "accept-hang",
        "the threads of the member's main process that take new connections are stopped: the "
        "kernel completes connections, and nobody accepts them",
        "https://man7.org/linux/man-pages/man2/listen.2.html",
        thread_hang.inject_accept,
        _THREADS,
        thread_hang.undo,
    ),
    Fault(
        "lock-hang",
        "a thread of the member's main process is stopped in the middle of a sync to the disk, "
        "with the locks that it holds and another one waits for",
        "https://man7.org/linux/man-pages/man2/ptrace.2.html",
        thread_hang.inject_lock,
        _THREADS,
        thread_hang.undo,
    ),
    Fault(
        "sidecar-kill",
        "the main process of the agent beside the member, in its pod, is sent SIGKILL by its "
        "node's runtime; the kubelet starts the agent again in the same pod",
        "https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/",
        sidecar.inject_kill,
        _BESIDE,
    ),
    Fault(
        "sidecar-hang",
        "the main process of the agent beside the member, in its pod, is stopped and left so "
        "until somebody ends it, a minute at most; then it goes on",
        "https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/",
        sidecar.inject_hang,
        _BESIDE,
        sidecar.undo_hang,
    ),
    Fault(
        "out-of-memory",
        "the member's container is filled up to its memory limit, and the kernel ends it; the "
        "kubelet starts it again in the same pod",
        "https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/",
        out_of_memory.inject,
        _MEMORY,
    ),
    Fault(
        "node-freeze",
        "the member's node stands still with all it runs, and goes on",
        "https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats",
        node_freeze.inject,
        _MACHINE,
        node_freeze.undo,
    ),
    Fault(
        "node-reboot",
        "the member's node is shut down in order and started again at once",
        "https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/",
        node_reboot.inject,
        _MACHINE,
        node_reboot.undo,
    ),
    Fault(
        "kubelet-stop",
        "the kubelet of the member's node is stopped while the containers there live on, and is "
        "started again",
        "https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller",
        kubelet_stop.inject,
        _MACHINE,
        kubelet_stop.undo,
    ),
    Fault(
        "runtime-stop",
        "the container runtime of the member's node is stopped while the containers there live "
        "on, and is started again",
        "https://kubernetes.io/docs/setup/production-environment/container-runtimes/",
        runtime_stop.inject,
        _MACHINE,
        runtime_stop.undo,
    ),
    Fault(
        "node-drain",
        "the member's node is cordoned and the trial's pods there are evicted, as a drain does "
        "it; then it is uncordoned",
        "https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/",
        node_drain.inject,
        _SHARED,
        node_drain.undo,
    ),
    Fault(
        "node-cordon",
        "the member's node is closed to new pods, and opened again",
        "https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration",
        node_cordon.inject,
        _SHARED,
        node_cordon.undo,
    ),
    Fault(
        "node-cut-control-plane",
        "the member's node is cut off from the control plane alone; its peers reach it",
        "https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats",
        node_cut_control_plane.inject,
        _MACHINE,
        node_cut_control_plane.undo,
    ),
    Fault(
        "zone-kill",
        "all nodes of the member's zone end at once, as in a power cut, and are started again",
        "https://kubernetes.io/docs/setup/best-practices/multiple-zones/",
        zone_kill.inject,
        _ZONE,
        zone_kill.undo,
    ),
)

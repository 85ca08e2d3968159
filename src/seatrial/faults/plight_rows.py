"""The rows of the table of faults that are about what a member lives on.

Its machine's past, its configuration, its share of CPU and memory, its files, its clock.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import (
    centre_down,
    clock_skew,
    config_change,
    config_deleted,
    node_stale_return,
    pressure,
)
from seatrial.faults.row import Fault

_MACHINE = {
    "kind": "can, a worker, where volumes can move (three-workers-shared) or come back from "
    "a backup (ledger-xlss)",
    "existing": "cannot: its machines are not ours to stop",
}
_CONFIGURED = {
    "kind": "can, a set whose template names one",
    "existing": "can, in a namespace of ours, a set whose template names one",
}
_CENTRED = {
    "kind": "can, a profile that names its `centre`",
    "existing": "can, in a namespace of ours, a profile that names its `centre`",
}
_GIVEN = {
    "kind": "can, a profile that says what it is `given`",
    "existing": "can, in a namespace of ours, a profile that says what it is `given`",
}
_PRESSED = {"kind": "can, a worker", "existing": "cannot: its nodes' control groups are not ours"}
_LIMITED = {
    "kind": "can, a container with a memory limit",
    "existing": "cannot: its nodes' control groups are not ours to fill",
}
_CLOCK = {
    "kind": "can, a program for glibc whose answers are dated; of one that is linked statically "
    "its own file proves that nobody can",
    "existing": "cannot: its nodes are not ours to read programs by",
}
_RESOURCES = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"

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
    Fault(
        "config-change",
        "the ConfigMaps and Secrets of which the profile says what they give members are changed, "
        "as far as they let themselves be, and put back",
        "https://kubernetes.io/docs/concepts/configuration/configmap/"
        "#mounted-configmaps-are-updated-automatically",
        config_change.inject,
        _GIVEN,
        config_change.undo,
    ),
    Fault(
        "centre-down",
        "the configuration centre that the profile names is scaled to nothing, the member's pod is "
        "deleted meanwhile, and the centre is scaled up again",
        "https://www.apolloconfig.com/#/en/design/apollo-design",
        centre_down.inject,
        _CENTRED,
        centre_down.undo,
    ),
    Fault(
        "cpu-pressure",
        "processes of ours compute in the member's own control group, one a CPU, and are ended",
        _RESOURCES,
        pressure.inject_cpu,
        _PRESSED,
        pressure.undo,
    ),
    Fault(
        "memory-pressure",
        "memory is held in the member's own control group, up to near its limit, and let go",
        _RESOURCES,
        pressure.inject_memory,
        _LIMITED,
        pressure.undo,
    ),
    Fault(
        "file-descriptors",
        "the member's main process may open no file or connection beyond those that it has; then "
        "it may again",
        "https://man7.org/linux/man-pages/man2/getrlimit.2.html",
        pressure.inject_files,
        _PRESSED,
        pressure.undo,
    ),
    Fault(
        "clock-skew",
        "the highest member is started with a clock that is an hour ahead (libfaketime before its "
        "own libraries), and again with the right one",
        "https://man7.org/linux/man-pages/man7/time_namespaces.7.html",
        clock_skew.inject,
        _CLOCK,
        clock_skew.undo,
    ),
)

"""The blast radius: the most that each fault may touch, and what a Plan of them comes to.

A machine is touched when anything in it is stopped, cut or told to drop packets; a member when it
may end, stand still or be parted from somebody. Figures are bounds and no forecasts: most faults
stay far below. The injector (faults/bounds.py) refuses what lies beyond them.
May import: model, errors, timing, triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.model import PlannedFault, of_a_machine
from seatrial.radius import Bound, Radius
from seatrial.timing import limit
from seatrial.triggers import victims, waits

ALL, SPARE = -1, -2
"""As many as the set has members, or as many of them as can be spared (see `spared`)."""
_ASKED = "command in a container"
"""The limit of what a certification does while a fault is in place: it asks a member."""


@dataclass(frozen=True)
class Reach:
    """One fault's row: how many machines and members it touches, each perhaps ALL or SPARE.

    `within` names the time limits of what comes before the healing; `heals` says who heals it.
    """

    nodes: int
    pods: int
    within: tuple[str, ...]
    heals: str
    control_plane: bool = False


_CONTROLLER = "its controller makes the pod again"
_KUBELET = "its kubelet starts the container again"
_JOURNAL = "the undo journal puts it back"
_STARTED = "the undo journal has its node started again"
_RULES = "the undo journal has our rules taken out of its node's packet filter"
_GO_ON = "the undo journal lets it go on; its node does so after two minutes"
_POD = Reach(0, 1, ("eviction is allowed", "pod is replaced"), _CONTROLLER)
_PROCESS = Reach(0, 1, ("process ends", "container is started again"), _KUBELET)
_PODS = Reach(0, ALL, ("members are evicted",), "its controller makes the pods again")
_SET = Reach(0, ALL, ("members are updated", "members are scaled"), _JOURNAL)
_MADE = Reach(0, ALL, ("set is deleted", "members are orphaned"), _JOURNAL)
_MACHINE = Reach(1, SPARE, ("node ends", "api answers"), _STARTED)
_LINE = Reach(1, 1, ("api answers", "names settle"), _RULES)
_STEWARD = Reach(
    1,
    0,
    ("a lease is renewed again", "a lease is not renewed"),
    _GO_ON,
    control_plane=True,
)
_DISK = Reach(
    1,
    1,
    ("process ends", "container is started again", "a broken disk is watched"),
    "the undo journal has our file system taken off its volume",
)
_PRESSED = Reach(
    1,
    1,
    ("a pressure is seen", "a pressure is watched"),
    "the undo journal ends the pressure; its node does so after two minutes",
)
_CONFIGURED = Reach(0, ALL, ("update is seen", "a missing configuration is watched"), _JOURNAL)
_WIDEST = Reach(ALL, ALL, ("members are updated",), _JOURNAL)
"""What a fault that the table does not have is taken for."""

REACHES: Mapping[str, Reach] = {
    "pod-delete": _POD,
    "pod-evict": _POD,
    "pod-force-delete": _POD,
    "claim-lost": Reach(0, 1, ("pod is replaced", "claims are collected"), _JOURNAL),
    "process-kill": _PROCESS,
    "out-of-memory": _PROCESS,
    "sidecar-kill": _PROCESS,
    "process-stop": Reach(1, 1, ("process ends", "api answers"), "the undo journal lets it go on"),
    **dict.fromkeys(
        ("process-hang", "sidecar-hang"),
        Reach(
            1,
            1,
            ("process ends", "api answers", "a fake death is noticed"),
            "the kubelet starts it again, or the undo journal lets it go on",
        ),
    ),
    **dict.fromkeys(
        ("accept-hang", "lock-hang"),
        Reach(
            1,
            1,
            ("engine answers", "api answers", "a fake death is noticed"),
            "the kubelet starts it again, or the undo journal lets it go on",
        ),
    ),
    "pods-delete": _PODS,
    "evict-all": _PODS,
    "rolling-update": _SET,
    "broken-update": _SET,
    "broken-update:image": _SET,
    "scale-down": _SET,
    "scale-up": Reach(0, ALL, ("members are scaled", "calls are made"), _JOURNAL),
    "unready-scale-down": _SET,
    "set-delete": _MADE,
    "set-orphan": _MADE,
    "scratch-claim": Reach(0, 0, ("scratch claim is served", "claim is expanded"), _JOURNAL),
    "restore-elsewhere": Reach(
        0,
        0,
        (
            "a backup is complete",
            "a copy is served",
            "a copy is served",
            "a copy is asked for no more",
            "a wrong key is told",
        ),
        _JOURNAL,
    ),
    "backup-store-down": Reach(0, 0, ("a store is away", "a backup is complete"), _JOURNAL),
    "backup-policy-change": Reach(
        0,
        0,
        (
            "a policy is followed",
            "a dropped policy is watched",
            "a dropped policy is watched",
            "a policy is followed",
            "a policy is followed",
        ),
        _JOURNAL,
    ),
    "node-stop": _MACHINE,
    "node-kill": _MACHINE,
    "node-freeze": Reach(1, SPARE, _MACHINE.within, "the undo journal lets its node go on"),
    "node-reboot": _MACHINE,
    "node-lost": Reach(1, SPARE, ("node ends",), "the undo journal has its node made again"),
    "node-cut": Reach(
        1,
        SPARE,
        ("node is given up", "member of a node that is given up is told to go"),
        "the undo journal lets its node be reached again",
    ),
    "node-cut-control-plane": Reach(
        1,
        SPARE,
        ("node is given up", "api answers"),
        "the undo journal lets its node be reached again",
    ),
    "kubelet-stop": Reach(1, SPARE, _MACHINE.within, "the undo journal starts the unit again"),
    "runtime-stop": Reach(1, SPARE, _MACHINE.within, "the undo journal starts the unit again"),
    "node-drain": Reach(1, SPARE, ("members are evicted",), "the undo journal lifts the cordon"),
    "node-cordon": Reach(1, 0, ("api answers",), "the undo journal lifts the cordon"),
    "zone-kill": Reach(2, SPARE, ("node ends", "node ends"), _STARTED),
    "partition": _LINE,
    "partition-one-way": _LINE,
    "packet-loss": _LINE,
    "bandwidth": _LINE,
    "latency": _LINE,
    "dns-outage": Reach(ALL, ALL, ("names settle", "names settle"), _RULES),
    "apiserver-restart": Reach(1, 0, ("process ends",), _KUBELET, control_plane=True),
    "controller-manager-stop": _STEWARD,
    "scheduler-stop": _STEWARD,
    "etcd-freeze": Reach(1, 0, ("api answers",), _GO_ON, control_plane=True),
    "disk-full": _DISK,
    "disk-read-only": _DISK,
    "disk-io-errors": _DISK,
    "disk-unsynced-loss": Reach(
        1, 1, (*_DISK.within, "a disk is written to", "unsynced writes gather"), _DISK.heals
    ),
    "node-stale-return": Reach(
        1, SPARE, ("node ends", "node is given up", "member serves elsewhere"), _STARTED
    ),
    "config-deleted": _CONFIGURED,
    "secret-deleted": _CONFIGURED,
    "config-change": Reach(
        0,
        ALL,
        ("update is seen", "a changed configuration is watched", "command in a container"),
        _JOURNAL,
    ),
    "centre-down": Reach(
        0,
        ALL,
        ("a centre is gone", "pod is replaced", "a member starts without its centre"),
        _JOURNAL,
    ),
    "cpu-pressure": _PRESSED,
    "memory-pressure": _PRESSED,
    "file-descriptors": _PRESSED,
    "clock-skew": Reach(0, 1, ("members are updated", "members are updated"), _JOURNAL),
}
"""By fault: a row each, which a test demands."""


def reach(fault: str) -> Reach:
    """Give a fault's row; one that has none is taken for the widest of its kind."""
    return REACHES.get(fault, _MACHINE if of_a_machine(fault) else _WIDEST)


def spared(replicas: int) -> int:
    """Say how many members may be away while a majority is left.

    A set of one or two has none that outlives a member: of two one is left, of one none.
    """
    return replicas - needed(replicas)


def needed(replicas: int) -> int:
    """Say how many members must be left."""
    return replicas // 2 + 1 if replicas > 2 else max(0, replicas - 1)  # noqa: PLR2004 - see above


def bound(fault: str, replicas: int, held: float = 0.0, *, quorum: bool = False) -> Bound:
    """Bound one fault; `held` are the seconds that it is kept in place once it has a receipt.

    With `quorum` a machine may take any number of members with it.
    """
    row = reach(fault)
    count = {ALL: replicas, SPARE: replicas if quorum else spared(replicas)}
    nodes, pods = (count.get(number, number) for number in (row.nodes, row.pods))
    return Bound(fault, nodes, pods, sum(limit(name).seconds for name in row.within) + held)


def radius(
    together: Iterable[Sequence[str]],
    replicas: int,
    held: Mapping[str, float] | None = None,
    *,
    quorum: bool = False,
    roles: Mapping[str, str] | None = None,
) -> Radius:
    """Give the most that may be touched at any one time.

    `together` are the faults that may be in place at once, each group in its turn; `roles` says of
    those whose member nobody knows yet whom they are aimed at.
    """
    groups = [tuple(group) for group in together]
    kept, aimed = held or {}, roles or {}
    each = {
        fault: replace(
            bound(fault, replicas, kept.get(fault, 0.0), quorum=quorum), role=aimed.get(fault, "")
        )
        for fault in dict.fromkeys(fault for group in groups for fault in group)
    }
    nodes = max((sum(each[fault].nodes for fault in group) for group in groups), default=0)
    pods = max((sum(each[fault].pods for fault in group) for group in groups), default=0)
    longest = max((one.seconds for one in each.values()), default=0.0)
    return Radius(nodes, min(pods, replicas), longest, quorum, tuple(each.values()))


def of_turns(faults: Iterable[PlannedFault], replicas: int, *, quorum: bool = False) -> Radius:
    """Give the radius of a certification: one fault after the other, beside all that wait."""
    planned = [fault for fault in faults if victims(fault)]
    beside = [fault.fault for fault in planned if waits(fault)]
    turns = [fault.fault for fault in planned if not waits(fault)]
    roles = {fault.fault: fault.role for fault in planned}
    asked = dict.fromkeys((*turns, *beside), limit(_ASKED).seconds)
    groups = [[turn, *beside] for turn in turns] or [beside]
    return radius(groups, replicas, asked, quorum=quorum, roles=roles)


def said(found: Radius) -> str:
    """Put a radius into a sentence."""
    left = "no majority need be left" if found.quorum else "a majority of the set is left"
    aims = [
        f"{one.fault} of the {one.role}, whoever that is then" for one in found.each if one.role
    ]
    return "; ".join([_figures(found, left), *aims])


def _figures(found: Radius, left: str) -> str:
    return (
        f"at most {_many(found.nodes, 'machine')} and {_many(found.pods, 'member')} at once, "
        f"each for at most {found.seconds:.0f} s; {left}, and the driver's machine is left alone"
    )


def _many(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' * (count != 1)}"

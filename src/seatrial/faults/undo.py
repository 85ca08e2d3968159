"""How what we broke is put right: the steps that the undo journal can hold.

Every step can be done again without harm, and does nothing where nothing is broken.
May import: model, errors, kube; faults.{absence,cordons,disks,elsewhere,journal,keepsakes,
lists,planting,scratch,sets,shaping}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seatrial.errors import CannotRun, NotHealed, SeatrialError
from seatrial.faults import cordons, disks, elsewhere, keepsakes, planting, scratch, sets, shaping
from seatrial.faults.absence import absent
from seatrial.faults.journal import Entry, Step
from seatrial.faults.lists import rewritten
from seatrial.kube.client import Kube
from seatrial.machine import Node
from seatrial.model import Json

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""Source: kubernetes.io, "Non-graceful node shutdown handling"."""
OURS = "seatrial"
"""The value of a taint that we set; one with another value is somebody else's."""
_TAINT = {"key": OUT_OF_SERVICE, "value": OURS, "effect": "NoExecute"}

Taints = list[dict[str, Json]]


@dataclass(frozen=True)
class Reach:
    """What undoing may act on; no API server when the cluster is gone, and its nodes with it."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    kube: Kube | None = None


def undone(entry: Entry, reach: Reach) -> list[str]:
    """Perform an entry's steps; give a sentence for each that had something to do.

    Raises NotHealed with what went wrong; the other steps are performed all the same.
    """
    did, wrong = [], []
    for step in entry.undo:
        try:
            did.append(_do(step, reach))
        except SeatrialError as error:
            wrong.append(f"{step.do} {step.node or step.path}: {error.seen or error.wanted}")
    if wrong:
        raise NotHealed(
            f"to undo {entry.sentence}", seen="; ".join(wrong), remedy="`seatrial heal`"
        )
    return [sentence for sentence in did if sentence]


def put_right(node: Node) -> str:
    """Let a node run, whatever it does now; says what was done, nothing when it runs.

    Raises CannotRun when it does not run afterwards.
    """
    node.settle()
    before = node.state().status
    if before == "running":
        return ""
    act = {"paused": node.resume, "absent": node.join}.get(before, node.start)
    act()
    _demand_running(node)
    return f"{node.name} was {before} and runs again"


def _do(step: Step, reach: Reach) -> str:
    if step.do not in UNDOS:
        raise CannotRun("a step that this version knows", seen=step.do)
    return UNDOS[step.do](step, reach)


def _run_again(step: Step, reach: Reach) -> str:
    node = reach.nodes.get(step.node)
    return put_right(node) if node else ""


def _reconnect(step: Step, reach: Reach) -> str:
    """A node that was stopped since comes back with its network whole."""
    node = reach.nodes.get(step.node)
    return (put_right(node) or reconnected(node)) if node else ""


def _revive(step: Step, reach: Reach) -> str:
    """A node that was stopped since comes back with all its units."""
    node = reach.nodes.get(step.node)
    return "; ".join(filter(None, (put_right(node), revived(node)))) if node else ""


def revived(node: Node) -> str:
    """Let go on what stands still in a node; says what, nothing when nothing did."""
    said = node.revive()
    return f"{', '.join(said)} of {node.name} stood still and goes on" if said else ""


def reconnected(node: Node) -> str:
    """Let a node be reached again; says so, nothing when it was not cut off."""
    return f"{node.name} was cut off by our rules and can be reached again" * node.reconnect()


def _unbar(step: Step, reach: Reach) -> str:
    """A node that was stopped since comes back with its network whole."""
    node = reach.nodes.get(step.node)
    return unbarred(node, str(step.value)) if node else ""


def unbarred(node: Node, name: str = "") -> str:
    """Let a node drop no packets any more by the rules of ours; says so, nothing if it did not."""
    there = node.unbar(name)
    return f"{node.name} dropped packets by our rules ({', '.join(there)})" if there else ""


def _straighten(step: Step, reach: Reach) -> str:
    node = reach.nodes.get(step.node)
    return straightened(node, str(step.value)) if node else ""


def straightened(node: Node, name: str = "") -> str:
    """Let connections to pods of a node go straight; says so, nothing when all did."""
    there = node.straighten(name)
    return f"{node.name} had a slow proxy of ours before pods ({', '.join(there)})" if there else ""


def _unmount(step: Step, reach: Reach) -> str:
    """A node that was stopped since comes back with nothing mounted."""
    node = reach.nodes.get(step.node)
    return unmounted(node, str(step.value)) if node else ""


def unmounted(node: Node, name: str = "") -> str:
    """Take away what stands between pods and their volumes; says so, nothing if nothing did."""
    there = node.volume("unmount", *filter(None, [name]))
    names = ", ".join(one["name"] for one in there)
    return f"{node.name} had a file system of ours over volumes ({names})" if there else ""


def _let_go(step: Step, reach: Reach) -> str:
    node = reach.nodes.get(step.node)
    return released(node) if node else ""


def released(node: Node) -> str:
    """Let the programs of a control plane go on; says so, nothing if none stood still."""
    there = node.release()
    return f"{', '.join(there)} of {node.name} stood still and goes on" if there else ""


def _unshape(step: Step, reach: Reach) -> str:
    node = reach.nodes.get(step.node)
    return shaping.undone(node, step.value) if node and node.state().status == "running" else ""


def _join(step: Step, reach: Reach) -> str:
    """Also what runs may be half made: only the node itself knows, and does nothing if not."""
    node = reach.nodes.get(step.node)
    if node is None:
        return ""
    node.settle()
    before = node.state()
    node.join()
    _demand_running(node)
    same = (before.status, before.container) == ("running", node.state().container)
    return "" if same else f"{node.name} was {before.status} and is made again"


def _demand_running(node: Node) -> None:
    if (after := node.state().status) != "running":
        raise CannotRun(f"node {node.name} to run", seen=f"it is {after}")


def _scale(step: Step, reach: Reach) -> str:
    kube = reach.kube
    return absent(lambda: sets.scaled_back(kube, step.path, step.value)) if kube else ""


def _recreate(step: Step, reach: Reach) -> str:
    return sets.recreated(reach.kube, step.path, step.value) if reach.kube else ""


def _merge(step: Step, reach: Reach) -> str:
    kube = reach.kube
    return absent(lambda: sets.merged_back(kube, step.path, step.value)) if kube else ""


def _unstick(step: Step, reach: Reach) -> str:
    return sets.unstuck(reach.kube, step.path, step.value) if reach.kube else ""


def _release(step: Step, reach: Reach) -> str:
    kube = reach.kube
    return absent(lambda: sets.released(kube, step.path, step.value)) if kube else ""


def _discard(step: Step, reach: Reach) -> str:
    kube = reach.kube
    return scratch.discarded(kube, step.path.rsplit("/", 1)[1]) if kube else ""


def _clear_copy(step: Step, reach: Reach) -> str:
    kube = reach.kube
    return elsewhere.cleared(kube, step.path.rsplit("/", 1)[1]) if kube else ""


def _unplant(step: Step, reach: Reach) -> str:
    return planting.removed(reach.kube, step.path, step.value) if reach.kube else ""


def _reclaim(step: Step, reach: Reach) -> str:
    return disks.given_back(reach.kube, step.path, step.value) if reach.kube else ""


def _give_back(step: Step, reach: Reach) -> str:
    return keepsakes.given_back(reach.kube, step.path) if reach.kube else ""


def _relieve(step: Step, reach: Reach) -> str:
    node = reach.nodes.get(step.node)
    return relieved(node) if node else ""


def relieved(node: Node) -> str:
    """End what presses containers of a node; says so, nothing when nothing did."""
    there = node.relieve()
    return f"containers of {node.name} were short by our word ({', '.join(there)})" if there else ""


def _untaint(step: Step, reach: Reach) -> str:
    return untainted(reach.kube, step.node) if reach.kube else ""


def _uncordon(step: Step, reach: Reach) -> str:
    return cordons.uncordoned(reach.kube, step.node) if reach.kube else ""


def tainted(kube: Kube, node: str) -> None:
    """Put our out-of-service taint on a node, beside what is there."""
    _retainted(kube, node, lambda known: [*(t for t in known if not of_ours(t)), _TAINT])


def untainted(kube: Kube, node: str) -> str:
    """Take our out-of-service taint off a node; says so, nothing when there was none."""

    def act() -> str:
        changed = _retainted(kube, node, lambda known: [t for t in known if not of_ours(t)])
        return f"{node} was out of service by our word and is not any more" if changed else ""

    return absent(act)


def _retainted(kube: Kube, node: str, change: Callable[[Taints], Taints]) -> bool:
    return rewritten(kube, f"/api/v1/nodes/{node}", ("spec", "taints"), change)


def of_ours(taint: Mapping[str, Json]) -> bool:
    """Whether we set this taint."""
    return taint.get("key") == OUT_OF_SERVICE and taint.get("value") == OURS


UNDOS: Mapping[str, Callable[[Step, Reach], str]] = {
    "start": _run_again,
    "resume": _run_again,
    "join": _join,
    "reconnect": _reconnect,
    "revive": _revive,
    "uncordon": _uncordon,
    "scale": _scale,
    "recreate": _recreate,
    "untaint": _untaint,
    "merge": _merge,
    "unstick": _unstick,
    "release": _release,
    "discard": _discard,
    "clear-copy": _clear_copy,
    "unplant": _unplant,
    "reclaim": _reclaim,
    "give-back": _give_back,
    "relieve": _relieve,
    "let-go": _let_go,
    "unbar": _unbar,
    "unmount": _unmount,
    "unshape": _unshape,
    "straighten": _straighten,
}
"""What a Step may name; each says what it did, nothing when nothing was to be done."""

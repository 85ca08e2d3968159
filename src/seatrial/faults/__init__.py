"""What we break, how it is proved to have broken, and how it comes back.

A fault is one generator function in a file of its own: it breaks, yields its **receipt**
(independent proof that the break took effect) and, resumed, waits until healed and returns the
proof of that. `broken` runs one as a context manager and records every stage. What does not heal
by itself comes with its undoing, which is on disk before the break. No receipt, no pass: the
guarantees that need the fault are unknown.
May import: model, errors, command, history, places, timing, kube.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.errors import NotHealed, SeatrialError
from seatrial.faults import node_kill, node_lost, node_stop, pod_delete, pod_evict, scale_down
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.undo import Reach, undone
from seatrial.model import NodeState, Op, Outcome, Recorder


class Break(Protocol):
    """What a fault's file offers: a generator that yields the receipt and returns the healing."""

    def __call__(self, scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
        """Break the member of `ordinal`."""


def nothing(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan no undoing: a controller of the cluster puts it right by itself."""
    del scene, ordinal
    return ()


@dataclass(frozen=True)
class Fault:
    """One row of the table: what it does, where that is written down, and who can do it.

    `undo` plans, before the break, the steps that put it right without the one who broke it.
    """

    name: str
    sentence: str
    source: str
    inject: Break
    providers: Mapping[str, str]
    undo: Callable[[Scene, int], tuple[Step, ...]] = nothing


_ANYWHERE = {"kind": "can", "existing": "can, in a namespace of ours"}
_OURS = {"kind": "can, a worker", "existing": "cannot: its machines are not ours to stop"}

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
            "scale-down",
            "the set is scaled down to the ordinal, so that it and all above end, and up again",
            "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
            "#deployment-and-scaling-guarantees",
            scale_down.inject,
            _ANYWHERE,
            scale_down.undo,
        ),
    )
}


@contextmanager
def broken(fault: Fault, scene: Scene, ordinal: int, recorder: Recorder) -> Iterator[Proof]:
    """Break one member; the body runs while it is broken; leaving waits until it is healed.

    Whatever is raised on the way is undone first; then raises it, after recording at which stage
    it stopped. Raises NotHealed when it could not be undone: the journal still holds it.
    """
    say = _Stages(fault.name, ordinal, recorder)
    steps = fault.inject(scene, ordinal)
    try:
        say("planned", {"target": scene.describe(ordinal)})
        with _undoable(fault, scene, ordinal, say):
            receipt = next(steps)
            say("receipt", receipt)
            yield receipt
            say("healed", _finish(steps))
    except BaseException as error:
        say("stopped", {"reason": _reason(error)}, Outcome.INFO)
        raise
    finally:
        steps.close()


@contextmanager
def _undoable(fault: Fault, scene: Scene, ordinal: int, say: _Stages) -> Iterator[None]:
    """Keep an entry in the journal while the body runs; undo by it when the body fails."""
    undo = fault.undo(scene, ordinal)
    if not undo:
        yield
        return
    entry = _entry(fault.name, scene, ordinal, undo)
    path = scene.journal.open(entry)
    try:
        say("undo", {"file": str(path), "steps": [_said(step) for step in undo]})
        yield
    except BaseException as error:
        _put_back(entry, scene, error)
        raise
    else:
        scene.journal.close(entry)


def _put_back(entry: Entry, scene: Scene, error: BaseException) -> None:
    try:
        undone(entry, Reach(scene.nodes, scene.kube))
        scene.journal.close(entry)
    except Exception as trouble:  # noqa: BLE001 - whatever it is, the fault is still in place
        why = trouble.seen or trouble.wanted if isinstance(trouble, SeatrialError) else trouble
        raise NotHealed(
            f"to heal {entry.sentence}",
            seen=f"{why} (after: {_reason(error)})",
            remedy="`seatrial heal`",
        ) from error


def _entry(name: str, scene: Scene, ordinal: int, undo: tuple[Step, ...]) -> Entry:
    node = next((step.node for step in undo if step.node), "")
    state = scene.nodes[node].state() if node else NodeState("unknown")
    number, now = stamp()
    return Entry(
        id=number,
        fault=name,
        ordinal=ordinal,
        cluster=scene.cluster,
        namespace=scene.namespace,
        kubeconfig=scene.kubeconfig,
        context=scene.context,
        node=node,
        container=state.container,
        boot=state.boot,
        undo=undo,
        owner=owner(),
        created=now,
        run=scene.run,
    )


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _said(step: Step) -> str:
    return " ".join(filter(None, (step.do, step.node, step.path)))


@dataclass(frozen=True)
class _Stages:
    fault: str
    ordinal: int
    recorder: Recorder

    def __call__(self, stage: str, proof: Mapping[str, Any], outcome: Outcome = Outcome.OK) -> None:
        now = self.recorder.now()
        value = {"fault": self.fault, "ordinal": self.ordinal, "stage": stage, "proof": proof}
        self.recorder.write(Op(f"fault/{self.fault}", "fault", outcome, now, now, value))


def _finish(steps: Generator[Proof, None, Proof]) -> Proof:
    try:
        next(steps)
    except StopIteration as done:
        healed: Proof = done.value
        return healed
    raise TypeError("a fault yields once: its receipt")

"""What we break, how it is proved to have broken, and how it comes back.

A fault is one generator function in a file of its own: it breaks, yields its **receipt**
(independent proof that the break took effect) and, resumed, waits until healed and returns the
proof of that. `broken` runs one as a context manager and records every stage. What does not heal
by itself comes with its undoing, which is on disk before the break. No receipt, no pass: the
guarantees that need the fault are unknown.
May import: model, errors, command, history, places, timing, kube.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from seatrial.errors import NotHealed, SeatrialError
from seatrial.faults.catalogue import FAULTS, Fault
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.undo import Reach, undone
from seatrial.model import NodeState, Op, Outcome, Recorder

Steps = Generator[Proof, None, Proof]

__all__ = ["FAULTS", "Fault", "broken"]


@contextmanager
def broken(fault: Fault, scene: Scene, ordinal: int, recorder: Recorder) -> Iterator[Proof]:
    """Break one member; the body runs while it is broken; leaving waits until it is healed.

    Whatever is raised on the way is undone first; then raises it, after recording at which stage
    it stopped. Raises NotHealed when it could not be undone: the journal still holds it.
    """
    say = _Stages(fault.name, ordinal, recorder)
    steps: Steps | None = None
    try:
        target = scene.describe(ordinal)
        say("planned", {"target": target})
        scene = replace(scene, planned=target["uid"])
        steps = fault.inject(scene, ordinal)
        with _undoable(fault, scene, ordinal, say):
            receipt = next(steps)
            say("receipt", receipt)
            yield receipt
            say("healed", _finish(steps))
    except BaseException as error:
        say("stopped", {"reason": _reason(error)}, Outcome.INFO)
        raise
    finally:
        if steps is not None:
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


def _finish(steps: Steps) -> Proof:
    try:
        next(steps)
    except StopIteration as done:
        healed: Proof = done.value
        return healed
    raise TypeError("a fault yields once: its receipt")

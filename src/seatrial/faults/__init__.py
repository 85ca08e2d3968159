"""What we break, how it is proved to have broken, and how it comes back.

A fault is one generator function in a file of its own: it breaks, yields its **receipt**
(independent proof that the break took effect) and, resumed, waits until healed and returns the
proof of that. `broken` runs one as a context manager and records every stage. What does not heal
by itself comes with its undoing, which is on disk before the break; what lies beyond the radius
that the Plan states is refused before that, and nothing stays broken for longer than it says. No
receipt, no pass: the guarantees that need the fault are unknown. `fenced` declares a machine that
a fault ended out of service.
May import: model, errors, blast, command, history, places, timing, kube.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from seatrial.faults.bounds import within
from seatrial.faults.catalogue import FAULTS
from seatrial.faults.fencing import fenced
from seatrial.faults.journal import Step
from seatrial.faults.overdue import in_time
from seatrial.faults.row import Fault
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.undoing import reason, undoable
from seatrial.model import Op, Outcome, Recorder

Steps = Generator[Proof, None, Proof]

__all__ = ["FAULTS", "Fault", "broken", "fenced"]


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
        scene = replace(scene, planned=target["uid"], struck=say.struck)
        steps = fault.inject(scene, ordinal)
        undo = fault.undo(scene, ordinal)
        node = next((step.node for step in undo if step.node), "")
        target_alone = scene.targets.claimed(target["pod"], fault.name)
        bounded = within(scene, fault.name, ordinal, undo)
        with (
            target_alone,
            bounded as most,
            undoable(scene, fault.name, ordinal, undo, node) as entry,
        ):
            if entry:
                say("undo", _undoing(str(scene.journal.path(entry)), undo))
            ends = recorder.now() + most
            receipt = next(steps)
            say("receipt", receipt, since=say.blow)
            with in_time(scene, entry, most, ends - recorder.now(), recorder):
                yield receipt
            say("healed", _finish(steps))
    except BaseException as error:
        say("stopped", {"reason": reason(error)}, Outcome.INFO)
        raise
    finally:
        if steps is not None:
            steps.close()


def _undoing(file: str, undo: tuple[Step, ...]) -> Proof:
    """Say how it will be undone; the machines are told before they are hit, for whoever looks."""
    nodes = sorted({step.node for step in undo if step.node})
    return {"file": file, "steps": [_said(step) for step in undo], "nodes": nodes}


def _said(step: Step) -> str:
    return " ".join(filter(None, (step.do, step.node, step.path)))


@dataclass
class _Stages:
    fault: str
    ordinal: int
    recorder: Recorder
    blow: float | None = None

    def struck(self) -> None:
        """Remember when harm began, the first time."""
        self.blow = self.recorder.now() if self.blow is None else self.blow

    def __call__(
        self,
        stage: str,
        proof: Mapping[str, Any],
        outcome: Outcome = Outcome.OK,
        since: float | None = None,
    ) -> None:
        now = self.recorder.now()
        value = {"fault": self.fault, "ordinal": self.ordinal, "stage": stage, "proof": proof}
        told = value if since is None else {**value, "struck": round(since, 6)}
        self.recorder.write(Op(f"fault/{self.fault}", "fault", outcome, now, now, told))


def _finish(steps: Steps) -> Proof:
    try:
        next(steps)
    except StopIteration as done:
        healed: Proof = done.value
        return healed
    raise TypeError("a fault yields once: its receipt")

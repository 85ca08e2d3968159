"""What we break, how it is proved to have broken, and how it comes back.

A fault is one generator function in a file of its own: it breaks, yields its **receipt**
(independent proof that the break took effect) and, resumed, waits until healed and returns the
proof of that. `broken` runs one as a context manager and records every stage. No receipt, no
pass: the guarantees that need the fault are unknown.
May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.faults import pod_delete, pod_evict
from seatrial.faults.scene import Proof, Scene
from seatrial.model import Op, Outcome, Recorder


class Break(Protocol):
    """What a fault's file offers: a generator that yields the receipt and returns the healing."""

    def __call__(self, scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
        """Break the member of `ordinal`."""


@dataclass(frozen=True)
class Fault:
    """One row of the table: what it does, where that is written down, and who can do it."""

    name: str
    sentence: str
    source: str
    inject: Break
    providers: Mapping[str, str]


_ANYWHERE = {"kind": "can", "existing": "can, in a namespace of ours"}

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
    )
}


@contextmanager
def broken(fault: Fault, scene: Scene, ordinal: int, recorder: Recorder) -> Iterator[Proof]:
    """Break one member; the body runs while it is broken; leaving waits until it is healed.

    Raises what the fault raises, after recording at which stage it stopped.
    """
    say = _Stages(fault.name, ordinal, recorder)
    steps = fault.inject(scene, ordinal)
    try:
        say("planned", {"target": scene.describe(ordinal)})
        receipt = next(steps)
        say("receipt", receipt)
        yield receipt
        say("healed", _finish(steps))
    except BaseException as error:
        reason = str(error) or type(error).__name__
        say("stopped", {"reason": reason}, Outcome.INFO)
        raise
    finally:
        steps.close()


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

"""The agent beside a member, in its pod, is killed or stopped; the member's process is left alone.

An agent is whatever container the profile names as its `sidecar`: an ordinary one, or an init
container that runs on. The kubelet starts it again in the same pod, as it does with a member's own;
one that stands still is noticed by the agent's own liveness probe, or by nobody.
Source: kubernetes.io, "Sidecar Containers"; signal(7).
May import: errors, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from seatrial.errors import CannotRun
from seatrial.faults import process_hang, process_kill, process_stop
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene


def undo_hang(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to let go on what stands still on the member's node."""
    return process_stop.undo(_beside(scene), ordinal)


def inject_kill(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill exactly the agent that was seen; receipt and healing as those of process-kill."""
    return process_kill.inject(_beside(scene), ordinal)


def inject_hang(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop exactly the agent that was seen; receipt and healing as those of process-hang.

    Healed once the pod is Ready: an agent without a probe of its own may need a moment longer
    until it answers, which is no promise of the member's.
    """
    beside = _beside(scene)
    stopped = process_stop.stopped_of(beside, ordinal)
    return (yield from process_hang.until_noticed(beside, stopped, process_stop.ready))


def _beside(scene: Scene) -> Scene:
    """Give the scene with the agent in the member's place."""
    if not scene.sidecar:
        raise CannotRun(
            f"an agent beside the members of {scene.set}",
            seen="the profile names none",
            remedy="`sidecar` in profile.yaml: docs/add-a-profile.md",
        )
    return replace(scene, container=scene.sidecar)

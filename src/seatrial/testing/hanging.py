"""Tells of members that stand still, or end, and of how long clients feel it.

May import: model; testing.story.
"""

from __future__ import annotations

import json

from seatrial.model import Outcome
from seatrial.testing.story import SET, Story

HANG, ACCEPT, LOCK = "process-hang", "accept-hang", "lock-hang"


def serve(run: Story) -> None:
    """Let every member acknowledge a write."""
    for member in run.members:
        run.writes(member)


def hangs(
    run: Story, ordinal: int, *, stood: float, noticed: bool = True, fault: str = HANG
) -> None:
    """Let a member stand still for so many seconds, until its kubelet ends it, or we let it go on.

    Its client asks once meanwhile, in vain; it serves again a second after it is over.
    """
    old = run.pods[ordinal]["containers"][SET].rpartition("//")[2]
    run.stage(fault, ordinal, "planned", {"target": run.proof(ordinal)})
    run.waits(0.5)
    run.stage(fault, ordinal, "receipt", {**run.proof(ordinal), "container": old})
    run.writes(ordinal, Outcome.INFO, there=False)
    run.waits(stood - 0.1)
    now = old
    if noticed:
        about = {"kind": "Pod", "name": f"{SET}-{ordinal}", "uid": run.pods[ordinal]["uid"]}
        said = {"type": "Normal", "reason": "Killing", "about": about, "by": "kubelet"}
        run.says("watch/events", "event", {**said, "event": "ADDED", "rv": run.rv})
        now = f"{run.rv}-again"
        run.pod(ordinal, "MODIFIED", ready=False, containers={SET: f"containerd://{now}"})
    run.waits(1)
    run.pod(ordinal, "MODIFIED", ready=True)
    how = "started again" if noticed else "went on"
    told = {"container": now, "how": how, "noticed": noticed, "stood": stood}
    run.stage(fault, ordinal, "healed", {**run.proof(ordinal), **told})
    run.writes(ordinal)


def tallies(run: Story, *, secret: int = 0) -> None:
    """Let members tell what they were asked in this life, and refused; the lowest of `secret` more.

    Whoever was started again counts from nothing.
    """
    for ordinal in run.members:
        pod, more = run.pods[ordinal], secret * (ordinal == run.first)
        boot = pod["containers"][SET]
        shows = (op for op in run.ops if op.value.get("containers", {}).get(SET) == boot)
        since = next(shows).completed
        mine = (op for op in run.ops if op.what == "write" and op.value["member"] == ordinal)
        sent = [op for op in mine if op.completed > since]
        told = {"boot": boot, "asked": len(sent) + more, "refused": more}
        about = {"ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"], "question": "tally"}
        run.says("probe/identity", "answer", {**about, "answer": json.dumps(told)})


def collected(run: Story) -> None:
    """Read every member that was not read, and let all Ops of the driver be there."""
    read = {op.value["member"] for op in run.ops if op.what == "read"}
    for member in run.members:
        if member not in read:
            run.reads(member)
    run.says("driver", "driver", {"event": "started", "node": "worker-4"})
    ops = {"expected": len(run.ops), "collected": len(run.ops)}
    run.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})

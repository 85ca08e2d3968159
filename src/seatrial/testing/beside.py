"""Tells of agents beside members that are killed or stand still, and of what becomes of the member.

May import: model; testing.{hanging,story}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from seatrial.model import History, Json, Op, Outcome
from seatrial.testing.hanging import collected, serve
from seatrial.testing.story import SET, Story

AGENT = "agent"
KILL, HANG = "sidecar-kill", "sidecar-hang"
Meanwhile = Callable[[Story, int, float], None]
"""What a member does in the seconds in which its agent is away."""


def begun(
    *faults: str, bounds: Mapping[str, float] | None = None, breaks: str = "", member: int = 1
) -> Story:
    """Let a run begin in which each member has an agent, up to its first writes under fault."""
    run = Story(
        {fault: [member] for fault in faults},
        bounds={"availability.sidecar": bounds or {}},
        breaks=[breaks] if breaks else [],
    )
    run.ops[0].value["profile"].update({"container": SET, "sidecar": AGENT})
    run.deploys()
    for ordinal in run.members:
        run.pod(ordinal, "MODIFIED", restarts_of={SET: 0, AGENT: 0})
    run.phase("fault")
    serve(run)
    return run


def told(fault: str = KILL, *, pause: float = 5, within: float = 30, **how: Any) -> Story:
    """Tell a whole run in which one agent is lost, as `loses` says; with these bounds, seconds."""
    run = begun(fault, bounds={"pause": pause, "within": within})
    loses(run, 1, fault=fault, **how)
    return ended(run)


def numbered(ops: Iterable[Op]) -> History:
    """Give a history of these Ops, in this order."""
    return History(tuple(replace(op, index=n) for n, op in enumerate(ops)))


def ended(run: Story) -> Story:
    """Let every member serve once more, and all that was seen be there."""
    run.phase("final")
    serve(run)
    collected(run)
    return run


def serving(run: Story, ordinal: int, seconds: float) -> None:
    """Let the member acknowledge what it is sent, twice a second."""
    for _ in range(round(seconds * 2)):
        run.waits(0.4)
        run.writes(ordinal)


def waiting(run: Story, ordinal: int, seconds: float) -> None:
    """Let the member answer nobody: a client waits all the time, in vain."""
    run.waits(seconds - 0.1)
    op = run.writes(ordinal, Outcome.INFO, there=False)
    run.ops[-1] = replace(op, invoked=op.completed - seconds + 0.05)


def unasked(run: Story, _: int, seconds: float) -> None:
    """Let nobody write."""
    run.waits(seconds)


def dying(run: Story, ordinal: int, seconds: float) -> None:
    """Let the member's own container be started again, and serve."""
    serving(run, ordinal, seconds / 2)
    again = {**run.pods[ordinal]["restarts_of"], SET: 1}
    changed = {"containers": {SET: "containerd://another"}, "restarts_of": again}
    run.pod(ordinal, "MODIFIED", ready=False, **changed)
    serving(run, ordinal, seconds / 2)
    run.pod(ordinal, "MODIFIED", ready=True)


def loses(
    run: Story,
    ordinal: int,
    *,
    fault: str = KILL,
    away: float = 2.0,
    unready: float = 1.0,
    meanwhile: Meanwhile = serving,
    noticed: bool = True,
) -> None:
    """Let an agent be away for so many seconds, and its pod not be Ready for some more after it.

    One that stands still and that nobody notices leaves the pod Ready.
    """
    before = run.pods[ordinal]["restarts_of"][AGENT]
    run.stage(fault, ordinal, "planned", {"target": run.proof(ordinal)})
    run.waits(0.3)
    proof = {**run.proof(ordinal), "container": f"agent-{before}", "restarts": before}
    run.stage(fault, ordinal, "receipt", proof)
    meanwhile(run, ordinal, away)
    told: dict[str, Json] = {"container": f"agent-{before}", "restarts": before}
    if fault == KILL or noticed:
        run.pod(ordinal, "MODIFIED", ready=False)
        serving(run, ordinal, unready)
        counts = {**run.pods[ordinal]["restarts_of"], AGENT: before + 1}
        run.pod(ordinal, "MODIFIED", ready=True, restarts_of=counts)
        told = {"container": f"agent-{before + 1}", "restarts": before + 1}
    if fault == HANG:
        how = "started again" if noticed else "went on"
        told |= {"noticed": noticed, "stood": away, "how": how}
    run.stage(fault, ordinal, "healed", {**run.proof(ordinal), **told})
    serve(run)

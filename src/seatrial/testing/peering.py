"""Tells of members that hold the same: where they are, how all go and find each other again.

May import: model; testing.{hanging,story}.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.testing.hanging import collected, serve
from seatrial.testing.story import Story

ALL, NODE, UP = "pods-delete", "node-kill", "scale-up"


def replicated(run: Story) -> Story:
    """Let every member answer for all that any of them acknowledged."""
    run.ops[0].value["profile"]["replicated"] = True
    return run


def grounds(run: Story, zones: Sequence[str] = ("", "", "")) -> None:
    """Let the watch see a control plane and a worker for each of these zones."""
    plane = ["node-role.kubernetes.io/control-plane=:NoSchedule"]
    facts = {"ready": True, "unschedulable": False, "uid": "node"}
    told = [("control-plane", "", plane), *((f"worker-{n}", z, []) for n, z in enumerate(zones))]
    for name, zone, taints in told:
        run.rv += 1
        value = {**facts, "event": "ADDED", "rv": run.rv, "name": name, "zone": zone}
        run.says("watch/nodes", "node", {**value, "taints": taints})


def all_go(run: Story, idle: float, *, same: int = -1, early: bool = False) -> None:
    """Let all be deleted at once and come to other addresses; `idle` seconds later they serve.

    Member `same` comes to the address that it had; `early` all are there before the receipt is.
    """
    first, had = run.first, {n: run.pods[n]["ip"] for n in run.members}
    pods = [{"ordinal": n, **run.proof(n)} for n in run.members]
    run.stage(ALL, first, "planned", {"target": run.proof(first)})
    for member in run.members:
        run.pod(member, "MODIFIED", deleting=True, ready=False)
    run.waits(1)
    for member in run.members:
        run.pod(member, "DELETED")
    if not early:
        run.stage(ALL, first, "receipt", {"pods": pods})
    for member in run.members:
        run.comes(member, ip=had[member] if member == same else f"10.9.{run.rv % 250}.{member}")
    if early:
        run.stage(ALL, first, "receipt", {"pods": pods})
    came = [{"ordinal": n, **run.proof(n)} for n in run.members]
    run.stage(ALL, first, "healed", {"pods": came})
    run.waits(idle)
    serve(run)


def node_ends(run: Story, ordinal: int, idle: float) -> None:
    """Let a member's node end and come back with it; `idle` seconds after that it serves."""
    run.stage(NODE, ordinal, "planned", {"target": run.proof(ordinal)})
    run.waits(0.5)
    run.stage(NODE, ordinal, "receipt", {**run.proof(ordinal), "witness": "the engine"})
    run.pod(ordinal, "MODIFIED", ready=False)
    run.waits(5)
    run.pod(ordinal, "MODIFIED", ready=True)
    run.stage(NODE, ordinal, "healed", run.proof(ordinal))
    run.waits(idle)
    serve(run)


def read_alike(run: Story, *, lacking: Sequence[int] = ()) -> None:
    """Read what all hold: each has everything but those of `lacking`, who miss the last record."""
    everything = [record for held in run.held.values() for record in held]
    for member in run.members:
        run.reads(member, records=everything[:-1] if member in lacking else everything)
    collected(run)


def lists(run: Story, ordinal: int, whom: Sequence[int], *, learners: Sequence[int] = ()) -> None:
    """Let a member say whom it lists."""
    words = [f"ledger-{n}{':learner' if n in learners else ''}" for n in whom]
    pod = run.pods[ordinal]
    about = {"ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"], "question": "members"}
    run.says(f"probe/identity/{ordinal}/members", "answer", {**about, "answer": " ".join(words)})


def grows(
    run: Story, *, up: Sequence[int] | None = None, down: Sequence[int] | None = None
) -> None:
    """Scale the set up by two and down again; all list `up` meanwhile, and `down` afterwards.

    Whoever is not given lists who is there; the last of those who came has no vote yet.
    """
    first, own = run.first, [*run.members]
    new = [own[-1] + 1, own[-1] + 2]
    run.stage(UP, first, "planned", {"target": {"replicas": run.replicas}})
    run.asks_for(len(own) + len(new))
    for member in new:
        run.comes(member)
    came = [{"ordinal": n, **run.proof(n)} for n in new]
    run.stage(UP, first, "receipt", {"replicas": len(own) + 2, "new": came})
    run.waits(0.1)
    for member in [*own, *new]:
        lists(run, member, [*own, *new] if up is None else up, learners=new[-1:])
    run.waits(0.1)
    run.asks_for(len(own))
    for member in reversed(new):
        run.goes(member)
    run.stage(UP, first, "healed", {"replicas": len(own), "gone": came})
    run.waits(0.1)
    for member in own:
        lists(run, member, own if down is None else down)

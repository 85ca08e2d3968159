"""Tells histories of the availability family: who was away, for how long; see tell.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial import history
from seatrial.testing import Story, beside
from seatrial.testing.hanging import ACCEPT, HANG, LOCK, collected, hangs, serve, tallies

HERE = Path(__file__).parent


def begun(bounds: Mapping[str, Mapping[str, float]], breaks: str = "", fault: str = HANG) -> Story:
    run = Story({fault: [1]}, bounds=bounds, breaks=[breaks] if breaks else [])
    run.deploys()
    serve(run)
    run.phase("fault")
    serve(run)
    return run


def ended(run: Story) -> Story:
    serve(run)
    run.phase("final")
    serve(run)
    collected(run)
    return run


def noticed() -> Story:
    """Who stands still is ended after ten seconds, and serves again."""
    run = begun({"availability.fake-death": {"within": 30}})
    hangs(run, 1, stood=10)
    return ended(run)


def never_restarted() -> Story:
    """Its probe always says yes: it stands still until we let it go on, and nobody is served."""
    run = begun({"availability.rto": {"seconds": 40}}, "availability.rto")
    run.ops[0].value["profile"]["may_break"] = ["availability.fake-death"]
    hangs(run, 1, stood=60, noticed=False)
    return ended(run)


def in_budget() -> Story:
    """A few requests go wrong, and members counted as many as clients told of."""
    run = begun({"availability.budget": {"errors": 0.5}})
    tallies(run)
    hangs(run, 1, stood=10)
    tallies(run)
    return ended(run)


def asked_in_secret() -> Story:
    """Members refused most of what they were asked, and clients told of none of it."""
    run = begun({"availability.budget": {"errors": 0.5}}, "availability.budget")
    tallies(run)
    hangs(run, 1, stood=10)
    tallies(run, secret=40)
    return ended(run)


def unnoticed() -> Story:
    """Nobody ends who stands still: its probe only opens a connection."""
    run = begun({"availability.fake-death": {"within": 30}}, "availability.fake-death")
    hangs(run, 1, stood=40, noticed=False)
    return ended(run)


def partly(guarantee: str, fault: str, *, noticed: bool) -> Story:
    """Threads of a member stand still: it is ended after ten seconds, or nobody ever ends it."""
    run = begun({guarantee: {"within": 30}}, "" if noticed else guarantee, fault)
    hangs(run, 1, stood=10 if noticed else 40, noticed=noticed, fault=fault)
    return ended(run)


def without_agent(fault: str, breaks: str = "", **how: Any) -> Story:
    """The agent beside a member is away; the member goes on, or does not."""
    run = beside.begun(fault, bounds={"pause": 5, "within": 30}, breaks=breaks)
    beside.loses(run, 1, fault=fault, **how)
    return beside.ended(run)


def leaning(fault: str, meanwhile: beside.Meanwhile = beside.serving, **how: Any) -> Story:
    """The agent beside a member is away, and the member with it."""
    return without_agent(fault, "availability.sidecar", meanwhile=meanwhile, **how)


TOLD: dict[str, Callable[[], Story]] = {
    "good/noticed": noticed,
    "good/in-budget": in_budget,
    "bad/asked-in-secret": asked_in_secret,
    "bad/never-restarted": never_restarted,
    "bad/unnoticed": unnoticed,
    "good/accepts-again": lambda: partly("availability.unaccepted", ACCEPT, noticed=True),
    "bad/accepts-nobody": lambda: partly("availability.unaccepted", ACCEPT, noticed=False),
    "good/unlocked": lambda: partly("availability.deadlock", LOCK, noticed=True),
    "good/agent-killed": lambda: without_agent(beside.KILL),
    "good/agent-hung": lambda: without_agent(beside.HANG, away=12),
    "bad/waits-for-agent": lambda: leaning(beside.HANG, beside.waiting, away=12),
    "bad/ends-with-agent": lambda: leaning(beside.HANG, beside.dying, away=12),
    "bad/unready-with-agent": lambda: leaning(beside.KILL, unready=40),
    "bad/locked": lambda: partly("availability.deadlock", LOCK, noticed=False),
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))

"""Tells the histories of the family session that no cluster recorded; see tell.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.model import Outcome
from seatrial.testing.visiting import Visited

HERE = Path(__file__).parent
FAULTS = {"pod-delete": [0, 1, 2]}


def quiet(run: Visited, *, stray: int = 0, kept: bool = False, address: bool = False) -> Visited:
    """Let everybody visit while nobody is hit: steadily, after pauses, and as browsers."""
    run.deploys()
    run.waits(6)
    if address:
        run.homes |= {who: 0 for who in run.homes if who[0] == "cookie"}
    run.all_visit("idle")
    for _ in range(3):
        run.waits(0.25)
        run.all_visit("direct", stray=stray)
        run.all_visit("cookie")
    run.waits(3.7)
    run.all_visit("idle")
    run.waits(7.5)
    run.all_visit("idle", stray=0 if kept else 1)
    run.phase("fault")
    return run


def hit(run: Visited, *, late: float = 0.0) -> Visited:
    """Let every member be replaced in turn; its clients find another one, perhaps late."""
    for ordinal in run.members:
        run.all_visit("direct")
        run.drifts("pod-delete", ordinal, ip=f"10.0.9.{ordinal}")
        left = [who for who, home in run.homes.items() if home == ordinal and who[0] == "direct"]
        for _ in range(round(late)):
            run.waits(1)
            for who in left:
                run.visits(*who, Outcome.FAIL)
        run.rehomed(ordinal)
        run.all_visit("direct")
    run.phase("final")
    run.collected()
    return run


def story(breaks: str = "", *may: str, forgets: bool = False, hides: bool = False) -> Visited:
    """Begin a run."""
    broken = [breaks] if breaks else []
    return Visited(FAULTS, breaks=broken, may_break=may, forgets=forgets, hides=hides)


TOLD: dict[str, Callable[[], Visited]] = {
    "good/visited": lambda: hit(quiet(story())),
    "bad/sent-anywhere": lambda: hit(quiet(story("session.sticky"), stray=1)),
    "bad/never-let-go": lambda: hit(quiet(story("session.timeout"), kept=True)),
    "bad/kept-at-the-dead": lambda: hit(quiet(story("session.drift")), late=12),
    "bad/loss-hidden": lambda: hit(
        quiet(story("session.drift", "session.external", forgets=True, hides=True))
    ),
    "bad/sessions-in-memory": lambda: hit(quiet(story("session.external", forgets=True))),
    "bad/browsers-by-address": lambda: hit(quiet(story("session.cookie"), address=True)),
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))

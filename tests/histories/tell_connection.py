"""Tells histories of the connection family, good and bad, beside this file.

As tell.py does: `python tests/histories/tell_connection.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.testing.connecting import WAYS, WITHIN, Connecting

HERE = Path(__file__).parent
_PINNED = {"pick-first": {**WAYS["round-robin"], "policy": "pick_first"}}


def begun(fault: str = "", breaks: str = "", calls: int = 60, **more: int) -> Connecting:
    faults = {fault: [0]} if fault else {name.replace("_", "-"): [n] for name, n in more.items()}
    run = Connecting(faults, breaks=[breaks] if breaks else [])
    run.deploys()
    run.calls(calls)
    run.phase("fault")
    return run


def whole(run: Connecting) -> Connecting:
    run.phase("final")
    run.is_collected()
    return run


def spread() -> Connecting:
    """Every member gets its third."""
    return whole(begun(calls=300))


def pinned() -> Connecting:
    """One channel is one connection, and one member answers all."""
    run = Connecting(breaks=["connection.spreads"], ways=_PINNED)
    run.deploys()
    run.calls(300, [1], way="pick-first")
    return whole(run)


def drained() -> Connecting:
    """All are replaced, and nobody's call fails."""
    run = begun("rolling-update")
    run.rolls()
    return whole(run)


def dropped() -> Connecting:
    """Each member takes a call with it when it ends."""
    run = begun("rolling-update", "connection.drains")
    run.rolls(fails=True)
    return whole(run)


def rebalanced() -> Connecting:
    """Two members come, and get their share."""
    run = begun("scale-up")
    run.grows()
    return whole(run)


def unfound() -> Connecting:
    """Two members come, and nobody calls them."""
    run = begun("scale-up", "connection.rebalances")
    run.grows(found=False)
    return whole(run)


def failed_over() -> Connecting:
    """A machine is gone, then another without a word; soon nobody asks either any more."""
    run = begun(node_kill=1, node_cut=2)
    run.loses_a_node(1, code="UNAVAILABLE", failing=0.5)
    run.calls(300)
    run.loses_a_node(2, "node-cut")
    return whole(run)


def waited_for() -> Connecting:
    """A machine is gone without a word, and calls wait for it without a deadline."""
    run = begun(breaks="connection.fails-over", node_kill=1, node_cut=2)
    run.loses_a_node(1, code="UNAVAILABLE", failing=0.5)
    run.calls(300)
    run.loses_a_node(2, "node-cut", code="HUNG", failing=WITHIN - 1)
    return whole(run)


TOLD: dict[str, Callable[[], Connecting]] = {
    "good/calls-spread": spread,
    "bad/calls-pinned": pinned,
    "good/calls-drained": drained,
    "bad/calls-dropped": dropped,
    "good/calls-rebalanced": rebalanced,
    "bad/newcomers-unfound": unfound,
    "good/calls-failed-over": failed_over,
    "bad/calls-waited": waited_for,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))

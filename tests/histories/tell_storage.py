"""Tells histories of the storage family beyond tell.py's, good and bad, beside this file.

As tell.py does: `python tests/histories/tell_storage.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.testing import Story, forgets, kills, loses_power
from seatrial.testing.trying import Tried

HERE = Path(__file__).parent
ENDS = {"process-kill": [1], "pod-delete": [1]}


def begun(*breaks: str, may_break: tuple[str, ...] = ()) -> Story:
    run = Story(ENDS, breaks=breaks, may_break=may_break)
    run.deploys()
    serves(run)
    run.phase("fault")
    serves(run)
    return run


def serves(run: Story) -> None:
    for member in run.members:
        run.writes(member)
    run.writes(1)
    run.writes(1)


def ended(run: Story) -> Story:
    run.waits(1)
    serves(run)
    run.phase("final")
    serves(run)
    for member in run.members:
        run.reads(member)
    return run


def outlived() -> Story:
    """A process is killed and a pod deleted, and nothing that was acknowledged is lost."""
    run = begun()
    kills(run, 1)
    run.waits(1)
    serves(run)
    run.drifts("pod-delete", 1)
    return ended(run)


def buffered() -> Story:
    """What a member had acknowledged, and not written, died with its process."""
    run = begun("storage.durable", may_break=("durability.acknowledged",))
    kills(run, 1, loses=lambda: forgets(run, 1, 2))
    run.waits(1)
    serves(run)
    run.drifts("pod-delete", 1)
    return ended(run)


def in_memory() -> Story:
    """What a member had acknowledged lay in memory that went with its pod."""
    run = begun("storage.durable", may_break=("durability.acknowledged",))
    kills(run, 1)
    run.waits(1)
    serves(run)
    forgets(run, 1)
    run.drifts("pod-delete", 1)
    return ended(run)


def powerless(loses: int, *breaks: str, may_break: tuple[str, ...] = ()) -> Story:
    """The power of a member's disk is cut, and it loses the last so many records with it."""
    run = Story({"disk-unsynced-loss": [1]}, breaks=breaks, may_break=may_break)
    run.deploys()
    serves(run)
    run.phase("fault")
    serves(run)
    loses_power(run, 1, loses=(lambda: forgets(run, 1, loses)) if loses else bool)
    return ended(run)


def synced() -> Story:
    """All that was acknowledged had been synced."""
    return powerless(0)


def unsynced() -> Story:
    """What was acknowledged had been written, and not synced."""
    return powerless(2, "storage.synced", may_break=("durability.acknowledged",))


def tried(tried: Tried, breaks: str = "", **bounds: dict[str, float]) -> Story:
    faults = {"scratch-claim": [0]}
    named = {name.replace("_", "."): bound for name, bound in bounds.items()}
    run = Story(faults, breaks=[breaks] if breaks else [], bounds=named)
    run.deploys()
    run.phase("fault")
    tried.told(run)
    run.phase("final")
    return run


GROWN = {"asked": True, "before": "64Mi", "after": "128Mi", "wanted": "128Mi", "grown": True}


def reclaimed() -> Story:
    """A class that deletes, grows claims and keeps what they held."""
    return tried(Tried(expanded={**GROWN, "intact": True}))


def other_policy() -> Story:
    """The profile declares Retain, the class deletes."""
    return tried(Tried(), "storage.reclaim", storage_reclaim={"retain": 1})


def lost_in_growing() -> Story:
    """The claim grew, and what it held is gone."""
    return tried(Tried(expanded={**GROWN, "intact": False}), "storage.expand")


TOLD: dict[str, Callable[[], Story]] = {
    "good/outlived": outlived,
    "bad/buffered": buffered,
    "bad/in-memory": in_memory,
    "good/synced": synced,
    "bad/unsynced": unsynced,
    "good/class-tried": reclaimed,
    "bad/other-policy": other_policy,
    "bad/lost-in-growing": lost_in_growing,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))

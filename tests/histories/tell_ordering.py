"""Tells the histories of the ordering family, good and bad, and writes them beside this file.

As tell.py does: `python tests/histories/tell_ordering.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.testing import Ordered, Stopping, Story
from seatrial.testing.ordered import NEW

HERE = Path(__file__).parent


def begun(fault: str, *breaks: str) -> Ordered:
    run = Ordered({fault: [0]} if fault else {}, breaks=breaks)
    run.deploys()
    return run


def updated() -> Ordered:
    run = begun("rolling-update")
    run.updates()
    run.goes_back()
    return run


def stopped() -> Ordered:
    run = begun("broken-update")
    run.breaks_update()
    run.goes_back("broken-update", only=[2], by_hand=run.named([2]))
    return run


def all_made_at_once() -> Ordered:
    """The set is deployed as with podManagementPolicy: Parallel."""
    run = Ordered(breaks=["ordering.deploy"])
    run.set("ADDED")
    for ordinal in range(3):
        run.comes(ordinal)
        run.ops.pop()
    for ordinal in range(3):
        run.pod(ordinal, "MODIFIED", ready=True)
    return run


PARALLEL = {name: {"parallel": 1.0} for name in ("ordering.deploy", "ordering.scale-down")}


def made_together() -> Ordered:
    """The profile claims Parallel, and so it is: all come at once, and the two above go at once."""
    run = Ordered({"scale-down": [1]}, bounds=PARALLEL)
    run.set("ADDED")
    for ordinal in range(3):
        run.comes(ordinal)
        run.ops.pop()
    for ordinal in range(3):
        run.pod(ordinal, "MODIFIED", ready=True)
    run.phase("fault")
    run.plans_down(1)
    for event, changes in (("MODIFIED", {"deleting": True, "ready": False}), ("DELETED", {})):
        for ordinal in (1, 2):
            run.pod(ordinal, event, **changes)
            run.waits(0.3)
    run.scaled_down([1, 2], 1)
    run.scales_up(1)
    return run


def made_one_by_one() -> Ordered:
    """The profile claims Parallel, and the set does one after the other."""
    run = Ordered({"scale-down": [1]}, bounds=PARALLEL, breaks=[*PARALLEL])
    run.deploys()
    run.phase("fault")
    run.scales_down(1)
    run.scales_up(1)
    return run


def two_replaced_at_once() -> Ordered:
    """The controller does not wait for the member that it replaced last."""
    run = begun("rolling-update", "ordering.rolling-update")
    olds = run.plans("rolling-update")
    run.wants(NEW)
    run.goes(2)
    run.goes(1)
    run.comes(2)
    run.comes(1)
    run.replaces(0)
    run.updated(olds)
    run.goes_back()
    return run


def never_replaced() -> Ordered:
    """The set has updateStrategy OnDelete."""
    run = begun("rolling-update", "ordering.rolling-update")
    run.set("MODIFIED", strategy="OnDelete")
    olds = run.plans("rolling-update")
    run.wants(NEW)
    run.waits(12)
    run.replaces(2)
    run.updated([olds[2]], by_hand=[olds[2]])
    run.goes_back(only=[2], by_hand=run.named([2]))
    return run


def broken_rolled_out() -> Ordered:
    """A revision that serves nobody is said to be Ready, and goes through all members."""
    run = begun("broken-update", "ordering.broken-update")
    olds = run.plans("broken-update")
    run.wants(NEW)
    run.replaces(2)
    run.replaces(1)
    run.broke([olds[2], olds[1]], [2])
    run.goes_back("broken-update")
    return run


def halted() -> Ordered:
    run = begun("unready-scale-down")
    run.scales_under()
    run.scales_on()
    return run


def scaled_over_an_unready_one() -> Ordered:
    """Both above go although 0 is unready, as with podManagementPolicy: Parallel."""
    run = begun("unready-scale-down", "ordering.scale-down-waits")
    run.scales_under(hasty=[2, 1])
    run.scales_on(but=[2, 1])
    return run


def adopted() -> Ordered:
    run = begun("set-orphan")
    run.orphans()
    run.adopts(range(3))
    run.adopted()
    return run


def orphan_missed() -> Ordered:
    """The new set's selector misses one of the orphans."""
    run = begun("set-orphan", "ordering.adopt")
    run.orphans()
    rest = {key: value for key, value in run.labels(2).items() if key != "app"}
    run.pod(2, "MODIFIED", labels=rest)
    run.adopts([0, 1])
    run.waits(30)
    run.gives_up("set-orphan")
    return run


def evicted() -> Ordered:
    run = begun("evict-all")
    run.budgeted(max=1)
    run.evicts([[2], [1], [0]])
    return run


def evicted_at_once() -> Ordered:
    """The budget selects no pod."""
    run = begun("evict-all", "ordering.disruption-budget")
    run.budgeted(max=1, expected=0)
    run.evicts([[2, 1, 0]], refused=0)
    return run


def ended(*breaks: str, deaf: bool = False) -> Stopping:
    """Tell of members that end under load when they are told to; a deaf one only when killed."""
    run = Stopping({"scale-down": [1], "pod-evict": [0]}, breaks=breaks)
    run.deploys()
    run.serves()
    run.phase("fault")
    run.scales_down(1)
    run.scales_up(1)
    run.serves()
    run.stage("pod-evict", 0, "planned", {"target": run.proof(0)})
    run.told(0)
    run.leaves(0)
    run.waits(5.1 if deaf else 0.3)
    run.ended(0, *((137, "Error") if deaf else (0, "Completed")))
    run.gone(0)
    run.stage("pod-evict", 0, "receipt", run.proof(0))
    run.comes(0)
    run.stage("pod-evict", 0, "healed", run.proof(0))
    for ordinal in run.members:
        run.answers(ordinal)
    run.serves()
    run.ends()
    return run


def killed() -> Stopping:
    """A shell is the first process, and swallows SIGTERM."""
    return ended("ordering.graceful-stop", deaf=True)


TOLD: dict[str, Callable[[], Story]] = {
    "good/updated": updated,
    "good/broken-update-stopped": stopped,
    "good/scale-down-halted": halted,
    "bad/scaled-over-an-unready-one": scaled_over_an_unready_one,
    "good/orphans-adopted": adopted,
    "bad/orphan-missed": orphan_missed,
    "good/evicted": evicted,
    "bad/evicted-at-once": evicted_at_once,
    "good/ended": ended,
    "bad/killed": killed,
    "good/made-together": made_together,
    "bad/made-one-by-one": made_one_by_one,
    "bad/all-made-at-once": all_made_at_once,
    "bad/two-replaced-at-once": two_replaced_at_once,
    "bad/never-replaced": never_replaced,
    "bad/broken-rolled-out": broken_rolled_out,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))

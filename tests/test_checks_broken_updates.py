"""ordering.broken-update: what a broken revision has to show, for how long, and what is told."""

from __future__ import annotations

from dataclasses import replace

from seatrial import checks
from seatrial.model import Op, Standing, Verdict
from seatrial.testing.ordered import NEW, OLD, Ordered

BROKEN, REFUSED = "ordering.broken-update", "ErrImagePull"
IMAGE, RUNS = "broken-update:image", "broken-update"


def deployed(*faults: str, replicas: int = 3) -> Ordered:
    story = Ordered({fault: [0] for fault in faults or [RUNS]}, replicas=replicas)
    story.deploys()
    return story


def breaks(story: Ordered, refused: str = "", halts: float = 8.0) -> None:
    """Let a broken revision stop at the highest member, and a hand bring it back."""
    story.breaks_update(refused=refused, halts=halts)
    top = story.members[-1]
    story.goes_back(IMAGE if refused else RUNS, only=[top], by_hand=story.named([top]))


def verdict(story: Ordered) -> Verdict:
    return checks.CHECKS[BROKEN].check(story.history())


def unknown(story: Ordered) -> str:
    """Give why nothing is known."""
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    return found.reason


def limited(story: Ordered, **limits: float) -> Ordered:
    story.ops[0] = replace(story.ops[0], value={**story.ops[0].value, "limits": limits})
    return story


def test_every_broken_update_is_told_with_where_it_stopped_why_and_whose_hand_it_took():
    story = deployed(IMAGE, RUNS)
    breaks(story)
    breaks(story, REFUSED)
    breaks(story, "ErrImageNeverPull")
    assert len(verdict(story).figures["halted"]) == 3
    assert verdict(story).reason == (
        "the rollout stopped at ledger-2, ledger-2, ledger-2 (ErrImagePull, ErrImageNeverPull); "
        "going back healed: ledger-2, ledger-2, ledger-2 had to be deleted by hand "
        "(kubernetes#67250)"
    )


def test_a_halt_is_shown_by_who_was_told_to_go_who_ran_and_the_receipt():
    story = deployed()
    breaks(story)
    ops = [story.history().ops[index] for index in verdict(story).evidence]
    told = [op.value.get("stage") or (op.value["deleting"], op.value["ready"]) for op in ops]
    assert told == [(True, False), (False, False), "receipt"]
    assert "".join(ops[1].value["containers"].values())


def test_a_halt_that_nobody_watched_is_unknown():
    story = deployed()
    breaks(story)
    story.loses_sight("pod")
    assert unknown(story) == "the watch of pods has a gap: 410"


def test_a_gap_in_another_watch_takes_nothing_from_a_halt():
    story = deployed()
    breaks(story)
    story.loses_sight("set")
    assert verdict(story).verdict is Standing.HOLDS


def test_a_broken_revision_that_is_said_to_be_ready_shows_nothing():
    story = deployed()
    olds = story.plans(RUNS)
    story.wants(NEW)
    story.replaces(2)
    story.waits(8)
    story.broke(olds[2:], [2])
    assert unknown(story) == "the broken revision was said to be Ready, so nothing was shown"


def test_one_member_alone_shows_no_halt_and_two_do():
    story = deployed(replicas=1)
    breaks(story)
    assert unknown(story) == "one member alone shows no halt"
    two = deployed(replicas=2)
    breaks(two)
    assert verdict(two).verdict is Standing.HOLDS


def test_a_pod_of_which_no_container_is_told_does_not_run():
    story = deployed()
    breaks(story)
    story.ops = [told(op) for op in story.ops]
    assert unknown(story) == (
        "no pod of the broken revision was seen to start, or to be refused its image"
    )


def told(op: Op) -> Op:
    """Leave out the containers that a pod of the new revision tells."""
    new = op.what == "pod" and NEW in op.value["labels"].values()
    kept = {key: fact for key, fact in op.value.items() if key != "containers"}
    return replace(op, value=kept) if new else op


def test_a_halt_may_be_told_half_a_second_late():
    story = deployed()
    breaks(story, halts=12)
    _, ran, receipt = (story.history().ops[index] for index in verdict(story).evidence)
    late = receipt.completed - ran.completed + 0.5
    for wanted, standing in ((late, "holds"), (late + 0.125, "unknown")):
        limited(story, **{"a halt is watched": wanted})
        assert verdict(story).verdict == standing


def test_without_a_limit_no_halt_is_long_enough():
    story = limited(deployed())
    breaks(story)
    assert unknown(story) == "the halt was watched for 8.5 s only, 0 s are wanted"


def test_seconds_are_told_to_three_places():
    story = deployed()
    breaks(story, halts=8.23456)
    assert verdict(story).figures["halted"] == [8.735]


def test_who_is_healed_and_was_never_ready_at_the_old_revision_is_named():
    for revision, ready in ((OLD, False), (NEW, True)):
        story = deployed()
        story.breaks_update()
        story.wants(revision)
        story.goes(2)
        story.comes(2)
        if not ready:
            story.ops.pop()
        pods = story.named(story.members)
        story.stage(RUNS, 0, "healed", {"revision": OLD, "pods": pods, "by_hand": []})
        assert unknown(story) == "ledger-2 was not seen Ready at the old revision"


def test_a_revision_is_told_by_the_first_sight_of_a_pod():
    story = deployed()
    breaks(story)
    uid = story.pods[2]["uid"]
    first = next(op for op in story.ops if op.what == "pod" and op.value["uid"] == uid)
    at = story.ops.index(first)
    kept = {key: fact for key, fact in first.value.items() if key != "labels"}
    story.ops[at] = replace(first, value=kept)
    assert unknown(story) == "ledger-2 was not seen Ready at the old revision"


def test_a_second_member_that_goes_is_told_with_the_revision_and_shown_with_the_first():
    story = deployed()
    olds = story.plans(RUNS)
    story.wants(NEW)
    for ordinal in (2, 1):
        story.starts_broken(ordinal)
    story.waits(8)
    story.broke(olds[1:], [2, 1])
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.BROKEN,
        f"ledger-1 was told to go although ledger-2 never served at {NEW}",
    )
    ops = [story.history().ops[index].value for index in found.evidence]
    assert [(op["name"], op["deleting"]) for op in ops] == [("ledger-2", True), ("ledger-1", True)]

"""ordering.adopt: what ends an orphan, how long is waited for its set, and which Ops show it."""

from __future__ import annotations

from dataclasses import replace

from seatrial import checks
from seatrial.model import Standing, Verdict
from seatrial.testing import Ordered

ADOPT, PATIENCE = "ordering.adopt", 30.0


def orphaned() -> Ordered:
    story = Ordered({"set-orphan": [0]})
    story.deploys()
    story.orphans()
    return story


def verdict(story: Ordered) -> Verdict:
    return checks.CHECKS[ADOPT].check(story.history())


def what(story: Ordered, found: Verdict) -> list[str]:
    ops = [story.history().ops[index] for index in found.evidence]
    return [str(op.value.get("name", op.what)) for op in ops]


def test_adopted_orphans_are_shown_free_then_owned_with_the_set_made_again():
    story = orphaned()
    story.adopts(range(3))
    story.adopted()
    found = verdict(story)
    assert found.reason == "3 orphans were adopted again, none of them restarted"
    assert what(story, found) == [
        "ledger-0", "ledger", "ledger-0", "ledger-1", "ledger-1", "ledger-2", "ledger-2",
    ]  # fmt: skip


def test_an_orphan_that_is_gone_at_once_was_ended():
    story = orphaned()
    story.pod(1, "DELETED")
    story.adopts([0, 2])
    story.adopted()
    found = verdict(story)
    assert (found.verdict, found.reason) == (Standing.BROKEN, "ledger-1 was ended, not adopted")


def test_a_restart_is_shown_by_the_orphan_before_and_after_it():
    story = orphaned()
    story.pod(1, "MODIFIED", restarts=1)
    story.adopts(range(3))
    story.adopted()
    found = verdict(story)
    assert (found.reason, what(story, found)) == ("ledger-1 was restarted", ["ledger-1"] * 2)


def test_who_is_let_go_is_shown_while_it_was_owned_and_after():
    story = orphaned()
    story.adopts(range(3))
    story.pod(1, "MODIFIED", owner="")
    story.adopted()
    found = verdict(story)
    assert found.reason == "ledger-1 was adopted and let go again"
    owners = [story.history().ops[index].value["owner"] for index in found.evidence]
    assert owners == ["set-2", ""]


def waited(seconds: float = PATIENCE, **limits: float) -> Ordered:
    """Let two of three be adopted, and the third have so long from the new set on."""
    story = orphaned()
    story.ops[0] = replace(story.ops[0], value={**story.ops[0].value, "limits": limits})
    made = next(op for op in story.ops if op.value.get("uid") == "set-2").completed
    story.adopts([0, 1])
    story.at = made + seconds
    story.gives_up("set-orphan")
    return story


def limited(seconds: float) -> dict[str, float]:
    return {"members are adopted": seconds}


def test_a_set_has_its_whole_patience_to_adopt():
    whole = waited(30)
    made = next(op for op in whole.ops if op.value.get("uid") == "set-2").completed
    found = verdict(waited(30, **limited(whole.at - made)))
    assert (found.verdict, found.reason) == (
        Standing.BROKEN,
        "ledger-2 was not adopted within 30 s by the set made again",
    )
    short = verdict(waited(29.5, **limited(30)))
    assert (short.verdict, short.reason) == (
        Standing.UNKNOWN,
        "ledger-2 was not adopted, but only 29.5 s were left for it",
    )


def test_without_a_limit_nobody_waited_long_enough():
    assert verdict(waited()).verdict is Standing.UNKNOWN


def test_what_comes_after_the_giving_up_is_too_late():
    story = waited(31, **limited(30))
    story.adopts([2])
    story.phase("final")
    assert verdict(story).verdict is Standing.BROKEN


def test_only_the_end_of_this_fault_after_its_receipt_ends_the_waiting():
    story = Ordered({"set-orphan": [0]})
    story.deploys()
    story.gives_up("set-orphan")
    story.orphans()
    story.gives_up("pod-delete")
    story.stage("set-orphan", 1, "going on", {})
    story.adopts([0, 1])
    story.waits(PATIENCE + 1)
    story.phase("final")
    assert verdict(story).verdict is Standing.BROKEN


def test_the_old_set_that_is_seen_once_more_was_not_made_again():
    story = Ordered({"set-orphan": [0]})
    story.deploys()
    story.orphans()
    story.ops.pop()
    story.set("MODIFIED", uid="set-1")
    story.set("ADDED", uid="set-2")
    story.adopts(range(3))
    story.adopted()
    found = verdict(story)
    assert (found.verdict, found.figures["adopted"]) == (Standing.HOLDS, 3)


def test_figures_count_all_orphanings_and_tell_seconds_to_three_places():
    story = Ordered({"set-orphan": [0, 0]})
    story.deploys()
    for uid in ("set-2", "set-3"):
        story.orphans()
        story.state["uid"] = uid
        story.ops[-1] = replace(story.ops[-1], value={**story.ops[-1].value, "uid": uid})
        story.waits(1.13456)
        story.adopts(range(3))
        story.adopted()
    assert verdict(story).figures == {"orphanings": 2, "adopted": 6, "seconds": [1.235, 1.235]}


def test_an_orphan_that_always_had_an_owner_shows_nothing():
    story = orphaned()
    story.ops = [op for op in story.ops if op.value.get("owner") or op.what != "pod"]
    story.adopts(range(3))
    story.adopted()
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "ledger-0 was not seen without an owner",
    )


def test_an_orphan_that_was_ended_is_shown_free_and_gone():
    story = orphaned()
    story.pod(1, "DELETED")
    story.adopted()
    assert what(story, verdict(story)) == ["ledger-1", "ledger-1"]


def test_who_is_not_adopted_is_shown_by_the_new_set_and_the_last_sight_of_the_orphan():
    long, short = waited(31, **limited(30)), waited(3, **limited(30))
    long.phase("final")
    assert what(long, verdict(long)) == ["ledger", "ledger-2"]
    assert verdict(long).evidence[-1] == max(
        op.index for op in long.history().ops if op.value.get("name") == "ledger-2"
    )
    assert what(short, verdict(short)) == ["ledger"]

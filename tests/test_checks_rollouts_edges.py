"""ordering.rolling-update at the edges: what is shown of a breach, and what was not recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from seatrial import checks
from seatrial.model import Op, Standing, Verdict
from seatrial.testing import Ordered
from seatrial.testing.ordered import NEW

ROLLING = "ordering.rolling-update"
CLAIMED = {ROLLING: {"on_delete": 1.0}}
UNKNOWN, BROKEN, HOLDS = Standing.UNKNOWN, Standing.BROKEN, Standing.HOLDS


def verdict(story: Ordered) -> Verdict:
    return checks.CHECKS[ROLLING].check(story.history())


def shown(story: Ordered, found: Verdict) -> list[Op]:
    return [story.history().ops[index] for index in found.evidence]


def told(story: Ordered, found: Verdict) -> list[object]:
    """Give of each Op that shows it the kind, and of a pod its name and whether it was going."""
    return [
        (op.value["name"], op.value["deleting"], op.value["event"]) if op.what == "pod" else op.what
        for op in shown(story, found)
    ]


def deployed(**facts: Any) -> Ordered:
    story = Ordered({"rolling-update": [0]}, **facts)
    story.deploys()
    return story


def forgets(story: Ordered, what: str, *keys: str, only: Callable[[Op], bool] = bool) -> Ordered:
    """Let nobody have written down these facts."""
    for place, op in enumerate(story.ops):
        if op.what == what and only(op):
            rest = {key: one for key, one in op.value.items() if key not in keys}
            story.ops[place] = replace(op, value=rest)
    return story


def without(story: Ordered, lost: Callable[[Op], bool]) -> Ordered:
    story.ops = [op for op in story.ops if not lost(op)]
    return story


def updated(**facts: Any) -> Ordered:
    story = deployed(**facts)
    story.updates()
    story.goes_back()
    return story


def waited(seconds: float = 12.0, *, replicas: int = 3, **state: Any) -> Ordered:
    """Tell of a set that wants another revision and replaces nobody for so long."""
    story = deployed(replicas=replicas)
    story.set("MODIFIED", **state)
    story.plans("rolling-update")
    story.at = 64.0
    story.wants(NEW)
    story.at += seconds
    story.updated([])
    return story


def paced(seconds: float, min_ready: int = 6) -> Ordered:
    """Tell an update in which ordinal 1 goes so long after 2 was Ready, which it is at 68 s."""
    story = deployed()
    olds = story.plans("rolling-update")
    story.at = 64.0
    story.wants(NEW, min_ready=min_ready)
    story.waits(1)
    story.goes(2)
    story.comes(2)
    story.waits(seconds)
    story.replaces(1)
    story.waits(8)
    story.replaces(0)
    story.updated(olds)
    story.goes_back(settles=8)
    return story


def test_a_member_that_goes_by_itself_where_only_hands_may_is_shown_as_it_goes():
    story = updated(bounds=CLAIMED)
    found = verdict(story)
    assert found.reason == "ledger-2 was replaced though nobody deleted it"
    assert told(story, found) == [("ledger-2", True, "MODIFIED")]


def test_where_only_hands_may_and_none_did_nothing_was_shown():
    story = deployed(bounds=CLAIMED)
    story.plans("rolling-update")
    story.wants(NEW)
    story.waits(12)
    story.updated([])
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        UNKNOWN,
        "nobody was deleted by hand, so nothing was shown",
    )


def test_a_member_below_the_partition_is_shown_with_the_set_as_it_stood():
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW, partition=3)
    story.replaces(2)
    story.updated(olds[2:])
    found = verdict(story)
    assert found.reason == "ledger-2 was replaced below the partition 3"
    assert told(story, found) == [("ledger-2", True, "MODIFIED"), "set"]


def passed_over() -> Ordered:
    """Tell of ordinal 1 being replaced before 2."""
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.replaces(1)
    story.replaces(2)
    story.updated(olds)
    return story


PASSED_OVER = "ledger-1 was told to go before ledger-2, which is above it"


def test_a_member_that_was_passed_over_is_shown_as_it_was_last_seen():
    story = passed_over()
    found = verdict(story)
    assert found.reason == PASSED_OVER
    assert told(story, found) == [("ledger-1", True, "MODIFIED"), ("ledger-2", True, "DELETED")]


def both_at_once(*, back: bool) -> Ordered:
    """Tell of ordinal 1 being told to go while 2 still ends; neither comes back unless `back`."""
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW)
    for ordinal in (2, 1):
        story.pod(ordinal, "MODIFIED", deleting=True, ready=False)
    for ordinal in (2, 1):
        story.pod(ordinal, "DELETED")
        if back:
            story.comes(ordinal)
    story.updated(olds)
    return story


@pytest.mark.parametrize(
    ("back", "last"),
    [(True, ("ledger-2", False, "MODIFIED")), (False, ("ledger-2", True, "DELETED"))],
)
def test_two_that_end_at_one_time_are_too_hasty_and_nobody_was_passed_over(back, last):
    story = both_at_once(back=back)
    found = verdict(story)
    assert found.reason == "ledger-1 was told to go while ledger-2 was not Ready again"
    assert told(story, found) == [("ledger-1", True, "MODIFIED"), last]


def test_a_member_may_go_two_seconds_before_the_one_above_was_ready_for_long_enough():
    assert verdict(paced(4.0)).verdict is HOLDS
    story = paced(3.75)
    found = verdict(story)
    assert found.reason == (
        "ledger-1 was told to go 3.8 s after ledger-2 was Ready, minReadySeconds is 6"
    )
    assert told(story, found) == [("ledger-2", False, "MODIFIED"), ("ledger-1", True, "MODIFIED")]


def test_a_ready_that_was_told_more_than_a_second_late_is_no_haste():
    story = forgets(paced(0.25, 0), "set", "min_ready")
    ready = next(op for op in story.ops if op.completed == 68.0 and op.what == "pod")
    story.ops[story.ops.index(ready)] = replace(ready, invoked=69.75, completed=69.75)
    assert verdict(story).verdict is HOLDS, verdict(story).reason
    assert verdict(without(story, lambda op: op.what == "set")).verdict is UNKNOWN


def test_the_seconds_of_an_update_are_told_to_the_millisecond():
    story = paced(4.00049, 0)
    figures = verdict(story).figures
    assert figures["shortest_ready"] == 4.0
    assert figures["seconds"][0] == 18.2


@pytest.mark.parametrize("keys", [("partition", "min_ready"), ("partition",), ("min_ready",)])
def test_a_set_of_which_no_partition_was_recorded_has_none(keys):
    found = verdict(forgets(updated(), "set", *keys))
    assert found.verdict is HOLDS, found.reason
    assert found.figures["kept_by_partition"] == (0 if "partition" in keys else 2)
    for replicas in (1, 3):
        found = verdict(forgets(waited(replicas=replicas), "set", *keys))
        assert found.verdict is BROKEN, found.reason


LONG = "nobody was replaced within {} s of the set's new revision (updateStrategy RollingUpdate)"
SHORT = "nobody was replaced, and nobody waited long enough"


@pytest.mark.parametrize(
    ("limits", "seconds", "reason"),
    [
        ({}, 12.0, SHORT),
        ({"update begins": 0.0}, 12.0, SHORT),
        ({"update begins": 1.0}, 12.0, LONG.format(1)),
        ({"update begins": 12.0}, 12.0, LONG.format(12)),
        ({"update begins": 12.0}, 11.75, SHORT),
    ],
)
def test_a_set_is_accused_of_waiting_only_for_longer_than_the_limit(limits, seconds, reason):
    story = waited(seconds)
    head = story.ops[0]
    story.ops[0] = replace(head, value={**head.value, "limits": limits})
    assert verdict(story).reason == reason


def test_what_a_set_says_last_of_its_patience_and_its_partition_counts():
    story = waited(min_ready=30)
    story.set("MODIFIED", min_ready=0)
    assert verdict(story).reason == LONG.format(12)
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.replaces(2)
    story.updated(olds[2:])
    assert verdict(story).reason == "ordinal 0 was not seen to be replaced"
    story.set("MODIFIED", partition=2)
    assert verdict(story).reason == "nobody saw it go back to the old revision"


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (
            without(waited(), lambda op: op.value.get("name") == "ledger-1"),
            "nobody was replaced, but not all members were seen",
        ),
        (forgets(updated(), "set", "strategy"), "the set's update strategy was not recorded"),
    ],
)
def test_what_was_not_seen_of_an_update_is_told(story, reason):
    found = verdict(story)
    assert (found.verdict, found.reason) == (UNKNOWN, reason)


def of(uids: Iterable[str]) -> Callable[[Op], bool]:
    return lambda op: op.value["uid"] in uids


def test_a_member_whose_revision_was_not_recorded_was_not_passed_over():
    story = deployed()
    top = story.pods[2]["uid"]
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.replaces(1)
    story.replaces(0)
    story.updated(olds[:2])
    assert verdict(story).verdict is BROKEN
    found = verdict(forgets(story, "pod", "labels", only=of([top])))
    assert (found.verdict, found.reason) == (UNKNOWN, "ordinal 2 was not seen to be replaced")


def seen_once(story: Ordered) -> Ordered:
    """Let the watch have begun when all members were there: it saw one state of each."""
    start = next(n for n, op in enumerate(story.ops) if op.value.get("stage") == "planned")
    last = {op.value["uid"]: id(op) for op in story.ops[:start] if op.what == "pod"}
    kept = {*last.values(), *map(id, story.ops[start:])}
    return without(story, lambda op: op.what == "pod" and id(op) not in kept)


def test_members_of_which_the_watch_saw_one_state_before_the_update_show_its_order_too():
    assert verdict(seen_once(updated())).verdict is HOLDS
    assert verdict(seen_once(passed_over())).reason == PASSED_OVER

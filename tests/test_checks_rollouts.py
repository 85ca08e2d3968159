"""ordering.deploy, .rolling-update and .broken-update on runs told by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks.turns import REVISION
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Ordered, Story
from seatrial.testing.ordered import NEW, OLD

DEPLOY, ROLLING, BROKEN = "ordering.deploy", "ordering.rolling-update", "ordering.broken-update"


def verdict(of: Story | History, guarantee: str) -> Verdict:
    return checks.CHECKS[guarantee].check(of.history() if isinstance(of, Story) else of)


def without(of: Story, lost: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.history().ops if not lost(op)))


def deployed(**facts) -> Ordered:
    story = Ordered({"rolling-update": [0]}, **facts)
    story.deploys()
    return story


def updated(*, min_ready: float = 0.0, settles: float = 0.0, **facts) -> Ordered:
    """Tell a good update and its way back."""
    story = deployed(**facts)
    story.set("MODIFIED", min_ready=min_ready)
    story.updates(settles=settles)
    story.goes_back(settles=settles)
    return story


def broken(*, halts: float = 8.0, **facts) -> Ordered:
    """Tell a good stop of a broken revision, and the way back by hand."""
    story = Ordered({"broken-update": [0]}, **facts)
    story.deploys()
    story.breaks_update(halts=halts)
    top = story.replicas - 1
    story.goes_back("broken-update", only=[top], by_hand=story.named([top]))
    return story


def gapped(story: Ordered, kind: str = "pod") -> None:
    gap = {"kind": kind, "reason": "410", "after": 1, "until": story.rv}
    story.says("watch", "gap", gap, Outcome.INFO)


# deploy


@given(st.integers(2, 9))
def test_members_made_one_after_the_other_hold(replicas):
    found = verdict(deployed(replicas=replicas), DEPLOY)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["members"] == replicas
    assert found.figures["seconds"] == [2.0] * replicas


def made_early(*, seen_late: bool = False) -> Ordered:
    """Tell a deploy that makes ordinal 2 before ordinal 1 is Ready."""
    story = Ordered()
    story.set("ADDED")
    story.comes(0)
    story.comes(1)
    ready = story.ops.pop()
    story.comes(2)
    story.rv += 1
    value = {**ready.value, "rv": ready.value["rv"] if seen_late else story.rv}
    story.says("watch/pods", "pod", value)
    return story


def test_a_member_made_before_the_one_below_was_ready_is_broken():
    story = made_early()
    found = verdict(story, DEPLOY)
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 was made while ledger-1 had not been Ready yet" in found.reason
    names = [story.history().ops[index].value["name"] for index in found.evidence]
    assert names == ["ledger-2", "ledger-1"]


def test_a_ready_that_was_told_late_is_judged_by_its_resource_version():
    assert verdict(made_early(seen_late=True), DEPLOY).verdict is Standing.HOLDS


def test_pods_that_were_there_when_the_watch_began_show_nothing():
    story = Ordered()
    for ordinal in range(3):
        story.comes(ordinal)
        del story.ops[-4:-1]
        last = story.ops[-1]
        story.ops[-1] = replace(last, value={**last.value, "event": "ADDED"})
    found = verdict(story, DEPLOY)
    assert found.verdict is Standing.UNKNOWN
    assert "nobody saw how" in found.reason


def test_one_member_shows_no_order_of_deploying():
    assert "no order" in verdict(deployed(replicas=1), DEPLOY).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "pod" and op.value["name"] == "ledger-1",
        lambda op: op.what == "pod" and op.value["ready"] and op.value["name"] == "ledger-2",
    ],
    ids=["plan", "pods", "one pod", "a Ready"],
)
def test_a_deploy_without_its_evidence_is_unknown(lost):
    found = checks.judge(without(deployed(), lost), [checks.CHECKS[DEPLOY]])
    assert found[0].verdict is Standing.UNKNOWN


def test_a_deploy_under_a_gap_is_unknown():
    story = Ordered()
    story.comes(0)
    gapped(story)
    for ordinal in (1, 2):
        story.comes(ordinal)
    assert verdict(story, DEPLOY).verdict is Standing.UNKNOWN


# rolling update


@given(st.integers(2, 6), st.sampled_from([0.0, 6.0]))
def test_an_update_from_above_one_at_a_time_and_back_holds(replicas, patience):
    found = verdict(updated(replicas=replicas, min_ready=patience, settles=patience), ROLLING)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["updates"] == 2
    assert found.figures["replaced"] == 2 * replicas
    assert found.figures["shortest_ready"] >= patience
    assert found.figures["kept_by_partition"] == replicas - 1


@given(st.permutations(range(4)))
def test_any_other_order_than_from_above_is_broken(order):
    story = deployed(replicas=4)
    olds = story.plans("rolling-update")
    story.wants(NEW)
    for ordinal in order:
        story.replaces(ordinal)
    story.updated([olds[n] for n in order])
    story.goes_back()
    wanted = Standing.HOLDS if order == [3, 2, 1, 0] else Standing.BROKEN
    assert verdict(story, ROLLING).verdict is wanted


def overlapping() -> Ordered:
    """Tell an update that replaces two at once."""
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.goes(2)
    story.goes(1)
    for ordinal in (2, 1):
        story.comes(ordinal)
    story.replaces(0)
    story.updated(olds)
    story.goes_back()
    return story


def test_two_replaced_at_once_are_broken_and_the_reason_names_both():
    found = verdict(overlapping(), ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was told to go while ledger-2 was not Ready again" in found.reason
    assert len(found.evidence) == 2


def test_a_way_back_from_below_is_broken_though_the_update_was_good():
    story = deployed()
    story.updates()
    story.goes_back(only=[0, 1, 2])
    found = verdict(story, ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "ledger-0 was told to go before ledger-" in found.reason


def test_less_than_min_ready_seconds_is_broken():
    found = verdict(updated(min_ready=20, settles=3), ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "minReadySeconds is 20" in found.reason


def test_a_member_below_the_partition_that_is_replaced_is_broken():
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW, partition=2)
    story.replaces(2)
    story.replaces(1)
    story.updated(olds[1:])
    story.goes_back(only=[2, 1])
    found = verdict(story, ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "below the partition 2" in found.reason


def test_a_partition_of_the_set_itself_keeps_members_and_holds():
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW, partition=1)
    story.replaces(2)
    story.replaces(1)
    story.updated(olds[1:])
    story.goes_back(only=[2, 1])
    found = verdict(story, ROLLING)
    assert found.verdict is Standing.HOLDS, found.reason


def test_a_new_pod_of_another_revision_is_broken():
    story = deployed()
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.revision = "ledger-other"
    for ordinal in (2, 1, 0):
        story.replaces(ordinal)
    story.updated(olds)
    story.goes_back()
    found = verdict(story, ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "came back at revision ledger-other" in found.reason


def by_hand(*, waits: float = 12.0, min_ready: int = 0, **facts) -> Ordered:
    """Tell an update of a set that replaces only who is deleted by hand."""
    story = deployed(**facts)
    story.set("MODIFIED", strategy="OnDelete", min_ready=min_ready)
    olds = story.plans("rolling-update")
    story.wants(NEW)
    story.waits(waits)
    story.replaces(2)
    story.updated([olds[2]], by_hand=[olds[2]])
    now = story.named([2])
    story.goes_back(only=[2], by_hand=now)
    return story


def test_a_set_that_replaces_nobody_is_broken_when_a_rolling_update_is_claimed():
    found = verdict(by_hand(), ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "nobody was replaced within 12 s" in found.reason
    assert "OnDelete" in found.reason


def test_a_set_that_was_given_too_little_time_is_unknown():
    assert verdict(by_hand(waits=3), ROLLING).verdict is Standing.UNKNOWN
    assert verdict(by_hand(waits=12, min_ready=30), ROLLING).verdict is Standing.UNKNOWN
    assert verdict(by_hand(waits=42, min_ready=30), ROLLING).verdict is Standing.BROKEN


def kept(partition: int) -> Ordered:
    """Tell an update of which the partition keeps everybody below it, and nobody is replaced."""
    story = deployed()
    story.plans("rolling-update")
    story.wants(NEW, partition=partition)
    story.waits(12)
    story.updated([])
    return story


LONG = "nobody was replaced within {} s of the set's new revision (updateStrategy {})"
SHORT = "nobody was replaced, and nobody waited long enough"
KEPT = "the partition keeps everybody, so nothing was shown"


@pytest.mark.parametrize(
    ("story", "standing", "reason", "shown"),
    [
        (by_hand(), Standing.BROKEN, LONG.format(12, "OnDelete"), (38, 45)),
        (
            by_hand(waits=42, min_ready=30),
            Standing.BROKEN,
            LONG.format(42, "OnDelete"),
            (38, 45),
        ),
        (by_hand(waits=3), Standing.UNKNOWN, SHORT, ()),
        (by_hand(waits=12, min_ready=30), Standing.UNKNOWN, SHORT, ()),
        (kept(2), Standing.BROKEN, LONG.format(12, "RollingUpdate"), (37, 38)),
        (kept(3), Standing.UNKNOWN, KEPT, ()),
        (kept(4), Standing.UNKNOWN, KEPT, ()),
    ],
    ids=["by hand", "rests", "soon", "rests too long", "one above", "nobody above", "beyond"],
)
def test_why_nobody_was_replaced_is_told_with_what_shows_it(story, standing, reason, shown):
    found = verdict(story, ROLLING)
    assert (found.verdict, found.reason, found.evidence) == (standing, reason, shown)


def test_a_set_with_a_member_that_was_not_ready_is_not_accused_of_waiting():
    story = deployed()
    story.set("MODIFIED", strategy="OnDelete")
    story.plans("rolling-update")
    story.pod(1, "MODIFIED", ready=False)
    story.wants(NEW)
    story.waits(12)
    story.updated([])
    story.goes_back(only=[0])
    found = verdict(story, ROLLING)
    assert found.verdict is Standing.UNKNOWN
    assert "ledger-1 was not Ready" in found.reason


CLAIMED = {ROLLING: {"on_delete": 1.0}}


def test_on_delete_that_is_claimed_holds_when_only_hands_replace():
    found = verdict(by_hand(bounds=CLAIMED), ROLLING)
    assert found.verdict is Standing.HOLDS, found.reason


def test_on_delete_that_is_claimed_is_broken_by_a_member_replaced_by_itself():
    found = verdict(updated(bounds=CLAIMED), ROLLING)
    assert found.verdict is Standing.BROKEN
    assert "nobody deleted it" in found.reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op.what == "set",
        lambda op: op.what == "set" and op.value["update"] == NEW,
        lambda op: op.what == "revision",
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "pod" and (op.value["name"], op.value["ready"]) == ("ledger-0", True),
    ],
    ids=["faults", "receipt", "healing", "sets", "new set", "revision", "plan", "pods", "Readys"],
)
def test_an_update_without_its_evidence_is_unknown(lost):
    found = checks.judge(without(updated(), lost), [checks.CHECKS[ROLLING]])
    assert found[0].verdict is Standing.UNKNOWN


@pytest.mark.parametrize("kind", ["pod", "set"])
@pytest.mark.parametrize("tell", [updated, overlapping])
def test_an_update_under_a_gap_is_unknown_whatever_it_looks_like(tell, kind):
    story = tell()
    story.loses_sight(kind)
    assert verdict(story, ROLLING).verdict is Standing.UNKNOWN


@given(st.data())
def test_a_bad_update_with_any_other_ops_missing_never_holds(data):
    run = overlapping().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1), max_size=5))
    kinds = {run.ops[index].what for index in missing}
    rest = History(tuple(op for op in run.ops if op.index not in missing))
    assert "pod" in kinds or verdict(rest, ROLLING).verdict is not Standing.HOLDS


@given(st.data())
def test_a_good_update_with_any_other_ops_missing_is_never_broken(data):
    run = updated().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    kept = lambda op: op.index not in missing or op.what in ("pod", "set")  # noqa: E731 - one use
    rest = History(tuple(filter(kept, run.ops)))
    assert verdict(rest, ROLLING).verdict is not Standing.BROKEN


# broken update


@given(st.integers(2, 5))
def test_a_broken_revision_that_stops_at_one_pod_holds_and_names_the_hand(replicas):
    found = verdict(broken(replicas=replicas), BROKEN)
    assert found.verdict is Standing.HOLDS, found.reason
    top = f"ledger-{replicas - 1}"
    assert f"{top} had to be deleted by hand (kubernetes#67250)" in found.reason
    assert found.figures == {"updates": 1, "halted": [8.5], "stopped_at": [top], "by_hand": [top]}


def test_going_back_without_a_hand_says_so():
    story = Ordered({"broken-update": [0]})
    story.deploys()
    story.breaks_update()
    story.goes_back("broken-update", only=[2])
    found = verdict(story, BROKEN)
    assert found.verdict is Standing.HOLDS
    assert "going back healed by itself" in found.reason


def refused(said: str = "ErrImageNeverPull the image is not present", **facts) -> Ordered:
    """Tell a revision whose image nobody has; `said` is what its pod says of it."""
    story = Ordered({"broken-update:image": [0]}, **facts)
    story.deploys()
    story.breaks_update(refused="ErrImageNeverPull")
    for op in story.ops:
        if "trouble" in op.value:
            dict.update(op.value, trouble=said)
    top = story.replicas - 1
    story.goes_back("broken-update:image", only=[top], by_hand=story.named([top]))
    return story


@given(st.integers(2, 5))
def test_an_image_that_nobody_has_stops_at_one_pod_and_the_hand_is_named(replicas):
    found = verdict(refused(replicas=replicas), BROKEN)
    assert found.verdict is Standing.HOLDS, found.reason
    top = f"ledger-{replicas - 1}"
    assert f"stopped at {top} (ErrImageNeverPull); going back healed: {top} had" in found.reason
    assert found.figures == {"updates": 1, "halted": [8.0], "stopped_at": [top], "by_hand": [top]}


def test_a_pod_that_does_not_start_for_another_reason_shows_nothing_of_its_image():
    found = verdict(refused("ContainerCreating"), BROKEN)
    assert found.verdict is Standing.UNKNOWN
    assert "refused its image" in found.reason


def test_an_image_that_nobody_has_and_yet_a_second_member_goes_is_broken():
    story = Ordered({"broken-update:image": [0]})
    story.deploys()
    olds = story.plans("broken-update:image")
    story.wants(NEW)
    story.is_refused(2, "ErrImageNeverPull")
    story.is_refused(1, "ErrImageNeverPull")
    story.waits(8)
    story.broke([olds[2], olds[1]], [2, 1], "ErrImageNeverPull")
    found = verdict(story, BROKEN)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was told to go although ledger-2 never served" in found.reason


def test_a_variant_that_was_planned_and_has_no_receipt_is_missed():
    told = without(refused(), lambda op: op.value.get("stage") == "receipt")
    found = verdict(told, BROKEN)
    assert found.verdict is Standing.UNKNOWN
    assert "no receipt for broken-update:image" in found.reason


def lied_to() -> Ordered:
    """Tell a broken revision that is said to be Ready, so that all members go."""
    story = Ordered({"broken-update": [0]})
    story.deploys()
    olds = story.plans("broken-update")
    story.wants(NEW)
    for ordinal in (2, 1):
        story.replaces(ordinal)
    story.broke([olds[2], olds[1]], [2])
    story.goes_back("broken-update")
    return story


def test_a_broken_revision_that_goes_on_to_a_second_member_is_broken():
    found = verdict(lied_to(), BROKEN)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was told to go although ledger-2 never served" in found.reason


def test_a_halt_that_was_watched_too_briefly_is_unknown():
    found = verdict(broken(halts=2), BROKEN)
    assert found.verdict is Standing.UNKNOWN
    assert "8 s are wanted" in found.reason


def test_one_member_alone_shows_no_halt():
    assert "alone" in verdict(broken(replicas=1), BROKEN).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "pod" and any(op.value["containers"].values()),
        lambda op: op.what == "pod" and op.value["labels"][REVISION] == NEW,
        lambda op: op.what == "pod" and op.value["labels"][REVISION] == OLD,
    ],
    ids=["faults", "receipt", "healing", "plan", "pods", "starts", "new pod", "old pods"],
)
def test_a_broken_update_without_its_evidence_is_unknown(lost):
    found = checks.judge(without(broken(), lost), [checks.CHECKS[BROKEN]])
    assert found[0].verdict is Standing.UNKNOWN


@given(st.data())
def test_a_lie_with_any_other_ops_missing_never_holds(data):
    run = lied_to().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1), max_size=5))
    kinds = {run.ops[index].what for index in missing}
    rest = History(tuple(op for op in run.ops if op.index not in missing))
    assert "pod" in kinds or verdict(rest, BROKEN).verdict is not Standing.HOLDS

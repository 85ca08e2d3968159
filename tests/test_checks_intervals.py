"""The identity ledger: who held an ordinal, from when until when, and what a gap makes unsure."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.drifts import answers, drifts, no_receipt
from seatrial.checks.intervals import ordinals, resolved
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Op, Outcome
from seatrial.testing import Story


def told() -> Story:
    story = Story({"pod-delete": [1]})
    story.deploys()
    story.resolves(1)
    story.waits(3)
    story.drifts("pod-delete", 1, node="worker-9", ip="10.0.9.9")
    story.resolves(1)
    return story


def test_an_ordinal_has_one_tenure_for_each_of_its_pods():
    held = ordinals(told().history())
    assert {ordinal: len(tenures) for ordinal, tenures in held.items()} == {0: 1, 1: 2, 2: 1}
    first, second = held[1]
    assert first.until is not None
    assert first.until.rv < second.since.rv
    assert (first.node, second.node, second.address) == ("worker-1", "worker-9", "10.0.9.9")
    assert first.mounts == second.mounts
    assert first.mounts[0].volume.startswith("volume-of-claim-1")
    assert first.containers != second.containers
    assert second.until is None
    assert first.certain
    assert second.certain


def test_each_tenure_has_the_answers_of_its_own_time():
    first, second = ordinals(told().history())[1]
    assert [a.addresses for a in first.dns["10.96.0.10"]] == [{first.address}]
    assert [a.addresses for a in second.dns["10.96.0.11"]] == [{"10.0.9.9"}]


@given(st.randoms(use_true_random=False))
def test_tenures_go_by_resource_version_and_not_by_arrival(chance):
    run = told().history()
    pods = [op for op in run.ops if op.what == "pod"]
    chance.shuffle(pods)
    mixed = History((*(op for op in run.ops if op.what != "pod"), *pods))
    assert ordinals(mixed) == ordinals(run)


def gap(after: int, until: int) -> dict[str, object]:
    return {"kind": "pod", "reason": "410", "after": after, "until": until}


def test_an_end_that_a_new_list_told_is_not_certain():
    story = Story()
    story.deploys()
    last = story.rv
    story.says("watch/pods", "gap", gap(last, last + 50), Outcome.INFO)
    story.says("watch/pods", "pod", {**story.pods[1], "event": "DELETED", "rv": last})
    story.rv += 20
    story.comes(1)
    story.rv += 50
    story.drifts("pod-delete", 1)
    first, second, third = ordinals(story.history())[1]
    assert (first.certain, second.certain, third.certain) == (False, False, True)
    assert ordinals(story.history())[0][0].certain


def test_an_end_with_the_last_version_of_its_object_is_an_end_whenever_it_came():
    story = Story()
    story.comes(1)
    story.says("watch/pods", "pod", {**story.pods[1], "event": "DELETED", "rv": story.rv})
    run = story.history()
    (tenure,) = ordinals(History((run.ops[0], *reversed(run.ops[1:]))))[1]
    assert tenure.until is not None


def test_lines_torn_by_a_crash_make_all_after_them_uncertain():
    story = Story()
    story.deploys()
    value = {"reason": "1 line(s) of watch/pods were cut short by a crash", "lines": 1}
    op = Op("watch/pods", "gap", Outcome.INFO, story.at - 1, story.at + 100, value)
    story.ops.append(op)
    story.drifts("pod-delete", 0)
    first, second = ordinals(story.history())[0]
    assert (first.certain, second.certain) == (False, False)
    assert ordinals(story.history())[1][0].certain


def test_equal_answers_are_one_run_and_time_outs_are_none():
    story = Story()
    story.comes(1)
    start = story.at
    story.resolves(1, servers=["s"])
    story.waits(1)
    value = {"server": "s", "ordinal": 1, "code": "TIMEOUT", "addresses": []}
    story.says("dns/s", "dns", value, Outcome.INFO)
    story.waits(1)
    story.resolves(1, servers=["s"], since=start, times=9)
    story.waits(1)
    story.resolves(1, [], servers=["s"])
    one, none = resolved(story.history())["s", 1]
    assert (one.since, one.asked, one.until) == (start, start + 2, start + 2)
    assert (none.code, none.addresses, none.since) == ("NXDOMAIN", frozenset(), start + 3)


def test_a_scale_down_is_one_drift_for_each_of_its_pods():
    story = Story({"scale-down": [1]})
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    found = drifts(story.history())
    assert [drift.ordinal for drift in found] == [2, 1]
    assert all(drift.new and drift.new != drift.old for drift in found)
    assert no_receipt(story.history()) == ""


def test_a_pod_that_came_back_with_its_node_has_a_before_and_an_after():
    story = Story({"node-stop": [1]})
    story.deploys()
    story.stage("node-stop", 1, "receipt", story.proof(1))
    story.stage("node-stop", 1, "healed", story.proof(1))
    story.answers(1)
    run = story.history()
    (drift,) = drifts(run)
    assert drift.old == drift.new
    asked = [op for op in answers(run, "token") if op.value["uid"] == drift.new]
    assert [drift.before(op) for op in asked] == [True, False]
    assert [drift.after(op) for op in asked] == [False, True]


def test_a_fault_that_came_twice_is_healed_by_its_own_healing_alone():
    story = Story({"pod-delete": [1, 1]})
    story.deploys()
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    story.drifts("pod-delete", 1)
    assert [bool(drift.new) for drift in drifts(story.history())] == [False, True]


def test_a_receipt_for_another_fault_is_still_missing():
    story = Story({"pod-delete": [1], "scale-down": [1]})
    story.deploys()
    story.drifts("pod-delete", 1)
    assert no_receipt(story.history()) == "no receipt for scale-down of ordinal 1"
    assert no_receipt(story.history(), "pod-delete") == ""


def driver(**value: object) -> History:
    story = Story()
    story.says("driver", "driver", {"event": "started", "node": "d", **value})
    return story.history()


def with_event(run: History, **value: object) -> History:
    return History((*run.ops, replace(run.ops[-1], index=2, value={"node": "d", **value})))


def test_a_driver_is_whole_only_when_all_it_wrote_was_collected():
    started = driver()
    assert driver_lost(History(started.ops[:1])) == ""
    assert "never collected" in driver_lost(started)
    whole = with_event(started, event="collected", expected=5, collected=5)
    assert driver_lost(whole) == ""
    assert "4 of 5" in driver_lost(with_event(started, event="collected", expected=5, collected=4))
    assert "gone" in driver_lost(with_event(whole, event="lost", note="gone"))
    torn = Op("client/w0", "gap", Outcome.INFO, 0, 1, {"reason": "torn", "lines": 1}, index=3)
    assert driver_lost(History((*whole.ops, torn))) == "torn"


def test_what_was_asked_of_a_history_once_is_what_it_holds():
    draw = random.Random(3)  # noqa: S311 - repeatable on purpose
    ops = [Op("p", draw.choice("abc"), Outcome.OK, n, n, index=n) for n in range(50)]
    run = History(tuple(ops))
    for what in "abcd":
        assert list(run.of(what)) == [op for op in ops if op.what == what]

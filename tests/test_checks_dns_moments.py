"""identity.dns: which answers, addresses and moments count, to the second and word for word."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seatrial import checks
from seatrial.model import Op, Standing, Verdict
from seatrial.testing import Story

DNS, NEW, SERVER = "identity.dns", "10.0.9.9", "10.96.0.10"
WITHIN = 5.0


def verdict(story: Story) -> Verdict:
    return checks.CHECKS[DNS].check(story.history())


def shown(story: Story, found: Verdict) -> list[Op]:
    ops = story.history().ops
    return [ops[index] for index in found.evidence]


def deployed(fault: str = "pod-delete", who: Sequence[int] = (1,)) -> Story:
    story = Story({fault: who}, bounds={DNS: {"within": WITHIN}})
    story.deploys()
    return story


def drifted() -> Story:
    story = deployed()
    story.drifts("pod-delete", 1, ip=NEW)
    return story


def stopped() -> Story:
    """Let the node of a member stop, which keeps its pod."""
    story = deployed("node-stop")
    story.pod(1, "MODIFIED")
    story.waits(1)
    story.stage("node-stop", 1, "receipt", story.proof(1))
    story.waits(1)
    return story


def answer(story: Story, *told: str, error: float = 0.0, since: float | None = None) -> None:
    story.resolves(1, told, servers=[SERVER], error=error, since=since)


def gap(story: Story) -> None:
    value = {"kind": "pod", "reason": "410", "after": 1, "until": 9}
    story.says("watch/pods", "gap", value)


def test_what_was_seen_of_every_stay_shows_why_nothing_is_known():
    story = drifted()
    answer(story, NEW)
    story.says("driver", "driver", {"event": "lost", "node": "d"})
    found = verdict(story)
    assert found.reason == "the driver was lost: nobody knows why"
    assert [op.what for op in shown(story, found)] == ["fault", "pod", "dns"]


def test_a_server_that_was_never_asked_again_answered_nothing():
    story = deployed()
    story.resolves(1, servers=[SERVER])
    story.drifts("pod-delete", 1, ip=NEW)
    assert verdict(story).reason == (
        "after pod-delete of ordinal 1 10.96.0.10 answered nothing, and was not asked for 5 s"
    )


def test_a_pod_that_never_came_back_is_shown_by_the_receipt():
    story = deployed()
    story.resolves(1, servers=[SERVER])
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    found = verdict(story)
    assert found.reason == "no pod with an address came back after pod-delete of ordinal 1"
    assert [op.what for op in shown(story, found)] == ["fault"]


def test_all_servers_are_praised_with_the_slowest_of_them():
    story = drifted()
    answer(story, NEW)
    story.waits(1.5)
    story.resolves(1, servers=["10.96.0.11"])
    found = verdict(story)
    assert (found.guarantee, found.verdict, found.reason) == (
        DNS,
        Standing.HOLDS,
        "2 DNS servers told the new address after each of 1 drifts, after 1.5 s at most",
    )


def test_the_right_answer_that_came_too_late_is_told_with_its_clock_if_that_may_be_wrong():
    for error, clock in ((0.0, ""), (0.25, ", by a clock that may be 0.25 s wrong")):
        story = drifted()
        story.waits(WITHIN + 1)
        answer(story, NEW, error=error)
        assert verdict(story).reason == (
            f"10.96.0.10 told 10.0.9.9 6 s after pod-delete of ordinal 1 was over{clock}; "
            "whether it would have within 5 s was not asked"
        )


def test_servers_that_answered_without_any_drift_show_nothing():
    story = Story()
    story.deploys()
    story.resolves(1)
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "no drift was caused, so nothing was shown",
    )


@pytest.mark.parametrize(("late", "standing"), [(0.25, "broken"), (0, "unknown"), (-1, "unknown")])
def test_a_wrong_answer_is_late_only_if_it_was_asked_after_the_bound(late, standing):
    story = drifted()
    story.waits(WITHIN + late)
    answer(story, "10.0.8.8", "10.0.8.7")
    assert verdict(story).verdict == standing


def test_a_late_answer_is_told_with_its_time_and_all_its_addresses():
    story = drifted()
    story.waits(WITHIN + 1)
    answer(story, "10.0.8.8", "10.0.8.7")
    assert verdict(story).reason == (
        "6 s after pod-delete of ordinal 1 was over, 10.96.0.10 told 10.0.8.7, 10.0.8.8, "
        "wanted 10.0.9.9 within 5 s"
    )


@pytest.mark.parametrize(("error", "standing"), [(0.5, "broken"), (1, "unknown"), (2, "unknown")])
def test_a_late_answer_counts_only_if_it_surely_came_while_the_pod_was_ready(error, standing):
    story = drifted()
    story.waits(WITHIN + 3)
    answer(story, error=error)
    story.waits(1)
    story.pod(1, "MODIFIED", ready=False)
    assert verdict(story).verdict == standing


@pytest.mark.parametrize(("seconds", "error", "standing"), [(4, 1, "holds"), (4, 1.25, "unknown")])
def test_the_right_answer_is_in_time_if_a_wrong_clock_cannot_make_it_late(seconds, error, standing):
    story = drifted()
    story.waits(seconds)
    answer(story, NEW, error=error)
    found = verdict(story)
    assert found.verdict == standing
    assert found.figures["slowest_seconds"] == seconds


def test_seconds_are_told_to_three_places():
    story = drifted()
    story.waits(1.23456)
    answer(story, NEW)
    found = verdict(story)
    assert (found.figures["slowest_seconds"], found.figures["median_seconds"]) == (1.235, 1.235)


@pytest.mark.parametrize(("error", "standing"), [(0, "unknown"), (1, "holds"), (2, "holds")])
def test_an_address_that_stayed_is_right_where_it_may_have_been_told_after_the_receipt(
    error, standing
):
    story = stopped()
    story.at -= 2
    answer(story, story.pods[1]["ip"], error=error)
    story.waits(2)
    story.stage("node-stop", 1, "healed", story.proof(1))
    assert verdict(story).verdict == standing


@pytest.mark.parametrize(("after", "standing"), [(0, "holds"), (0.25, "unknown")])
def test_an_answer_asked_when_the_pod_ceased_to_be_ready_is_the_last_that_counts(after, standing):
    story = drifted()
    story.waits(1)
    story.pod(1, "MODIFIED", ready=False)
    story.waits(after)
    answer(story, NEW)
    assert verdict(story).verdict == standing


@pytest.mark.parametrize("at", ["receipt", "end"])
def test_a_gap_that_touches_a_stay_makes_its_address_uncertain(at):
    story = deployed()
    story.stage("pod-delete", 1, "planned", {})
    story.goes(1)
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    if at == "receipt":
        gap(story)
    story.comes(1, ip=NEW)
    story.stage("pod-delete", 1, "healed", story.proof(1))
    answer(story, NEW)
    story.waits(1)
    story.pod(1, "MODIFIED", ready=False)
    if at == "end":
        gap(story)
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "the address after pod-delete of ordinal 1 is not certain: 410",
    )
    assert [op.what for op in shown(story, found)] == ["fault", "gap"]


def test_a_gap_after_the_stay_takes_nothing_from_it():
    story = drifted()
    answer(story, NEW)
    story.waits(1)
    story.pod(1, "MODIFIED", ready=False)
    story.waits(1)
    gap(story)
    assert verdict(story).verdict is Standing.HOLDS


def test_a_pod_that_came_back_unchanged_is_shown_by_the_last_that_was_seen_of_it():
    story = stopped()
    last = next(op for op in reversed(story.ops) if op.what == "pod")
    story.stage("node-stop", 1, "healed", story.proof(1))
    story.waits(2)
    answer(story, story.pods[1]["ip"])
    found = verdict(story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["slowest_seconds"] == 2
    (pod,) = (op for op in shown(story, found) if op.what == "pod")
    assert pod.value["rv"] == last.value["rv"]


def test_a_pod_that_never_ceased_to_be_ready_has_its_new_address_at_first_sight():
    story = stopped()
    story.pod(1, "MODIFIED", ip=NEW)
    story.waits(2)
    story.pod(1, "MODIFIED")
    story.waits(1)
    story.stage("node-stop", 1, "healed", story.proof(1))
    answer(story, NEW)
    assert verdict(story).figures["slowest_seconds"] == 3


def test_an_address_that_came_to_a_ready_pod_is_asked_for_from_then_on():
    story = drifted()
    story.waits(2)
    story.pod(1, "MODIFIED", ip="10.0.7.7")
    story.waits(1)
    answer(story, "10.0.7.7")
    assert verdict(story).figures["slowest_seconds"] == 1


def test_a_pod_that_was_there_before_the_receipt_is_asked_for_from_the_receipt_on():
    story = deployed()
    before = story.proof(1)
    story.goes(1)
    story.comes(1, ip=NEW)
    story.waits(2)
    story.stage("pod-delete", 1, "receipt", before)
    story.stage("pod-delete", 1, "healed", story.proof(1))
    story.waits(1)
    answer(story, NEW)
    assert verdict(story).figures["slowest_seconds"] == 1


def test_a_fault_of_another_member_ends_nobodys_stay():
    story = drifted()
    answer(story, NEW)
    story.stage("process-kill", 2, "receipt", story.proof(2))
    story.waits(WITHIN + 1)
    answer(story)
    assert verdict(story).verdict is Standing.BROKEN


def test_a_fault_that_hits_the_same_pod_again_ends_its_stay():
    story = drifted()
    answer(story, NEW)
    story.waits(1)
    story.stage("process-kill", 1, "receipt", story.proof(1))
    story.waits(WITHIN + 1)
    answer(story)
    assert "process-kill" in verdict(story).reason
    assert verdict(story).verdict is Standing.UNKNOWN


def test_what_a_server_told_last_shows_that_it_never_told_the_right_address():
    story = drifted()
    for wrong in ("10.0.8.9", "10.0.8.8", "10.0.8.7"):
        story.waits(1)
        answer(story, wrong)
    found = verdict(story)
    assert found.reason == (
        "after pod-delete of ordinal 1 10.96.0.10 told only 10.0.8.7, and was not asked for 5 s"
    )
    ops = shown(story, found)
    assert [op.value["addresses"] for op in ops if op.what == "dns"] == [["10.0.8.7"]]


def test_the_time_runs_from_when_the_pod_was_ready_and_not_from_its_proof():
    story = deployed()
    story.goes(1)
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    story.comes(1, ip=NEW)
    story.waits(2)
    story.stage("pod-delete", 1, "healed", story.proof(1))
    answer(story, NEW)
    assert verdict(story).figures["slowest_seconds"] == 2


def test_an_address_that_came_when_the_pod_was_no_longer_ready_is_nobodys():
    story = drifted()
    answer(story, NEW)
    story.waits(1)
    story.pod(1, "MODIFIED", ready=False)
    story.waits(1)
    story.pod(1, "MODIFIED", ip="10.0.7.7")
    assert verdict(story).verdict is Standing.HOLDS


def test_an_address_that_came_in_the_second_of_the_next_fault_is_still_the_one_to_tell():
    story = drifted()
    story.waits(1)
    story.pod(1, "MODIFIED", ip="10.0.7.7")
    answer(story, "10.0.7.7")
    story.stage("process-kill", 1, "receipt", story.proof(1))
    story.stage("process-kill", 1, "healed", story.proof(1))
    assert verdict(story).verdict is Standing.HOLDS

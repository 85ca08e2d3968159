"""identity.dns: the new address in time at each server, and never the old one after it."""

from collections.abc import Callable

import pytest

from seatrial import checks
from seatrial.checks.dns import WITHIN
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

DNS = "identity.dns"
NEW = "10.0.9.9"


def verdict(story: Story) -> Verdict:
    return checks.CHECKS[DNS].check(story.history())


def drifted(*, ip: str = NEW, within: float | None = None) -> Story:
    """Tell a run up to the moment at which the new pod of ordinal 1 is Ready."""
    bounds = {DNS: {"within": within}} if within else {}
    story = Story({"pod-delete": [1]}, bounds=bounds)
    story.deploys()
    for ordinal in range(3):
        story.resolves(ordinal)
    story.drifts("pod-delete", 1, ip=ip)
    return story


def old(story: Story) -> list[str]:
    first = next(op for op in story.ops if op.what == "dns" and op.value["ordinal"] == 1)
    return list(first.value["addresses"])


def collected(story: Story, **changes: object) -> None:
    value = {"event": "collected", "node": "d", "expected": 9, "collected": 9, **changes}
    story.says("driver", "driver", value)


def test_the_new_address_in_time_at_every_server_holds():
    story = drifted()
    story.waits(3)
    story.resolves(1)
    collected(story)
    found = verdict(story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {
        "drifts": 1,
        "servers": 2,
        "within_seconds": WITHIN,
        "slowest_seconds": 3.0,
        "median_seconds": 3.0,
    }
    run = story.history()
    assert {run.ops[index].what for index in found.evidence} == {"fault", "pod", "dns"}


def test_a_name_that_nobody_knows_after_the_bound_is_broken():
    story = drifted()
    story.resolves(1, [])
    since = story.at
    story.waits(WITHIN + 1)
    story.resolves(1, [], since=since, times=90)
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "NXDOMAIN" in found.reason
    assert story.history().ops[found.evidence[-1]].completed == story.at


@pytest.mark.parametrize("wrong", [["10.9.9.9"], [NEW, "10.9.9.9"]], ids=["other", "one too many"])
def test_any_other_answer_after_the_bound_is_broken(wrong):
    story = drifted()
    story.resolves(1)
    story.waits(WITHIN + 1)
    story.resolves(1, wrong, servers=["10.96.0.11"])
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "10.96.0.11" in found.reason


def test_one_server_of_two_that_keeps_the_old_answer_is_broken():
    story = drifted()
    story.resolves(1, servers=["10.96.0.10"])
    story.waits(WITHIN + 1)
    story.resolves(1, old(story), servers=["10.96.0.11"])
    assert verdict(story).verdict is Standing.BROKEN


def test_the_old_answer_after_the_new_one_is_broken_even_within_the_bound():
    story = drifted()
    story.resolves(1)
    story.waits(1)
    story.resolves(1, old(story), servers=["10.96.0.10"])
    story.waits(1)
    story.resolves(1, servers=["10.96.0.10"])
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "the old one again" in found.reason


def test_the_old_answer_before_the_new_one_is_what_the_bound_is_for():
    story = drifted()
    story.resolves(1, old(story))
    story.waits(5)
    story.resolves(1)
    assert verdict(story).verdict is Standing.HOLDS


def test_one_server_may_be_later_than_another():
    story = drifted()
    story.resolves(1, servers=["10.96.0.10"])
    story.waits(1)
    story.resolves(1, old(story), servers=["10.96.0.11"])
    story.waits(1)
    story.resolves(1, servers=["10.96.0.11"])
    found = verdict(story)
    assert found.verdict is Standing.HOLDS
    assert found.figures["slowest_seconds"] == 2.0


def test_a_run_that_ends_before_the_bound_shows_nothing():
    story = drifted()
    story.waits(WITHIN - 1)
    story.resolves(1, [])
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "NXDOMAIN" in found.reason


def test_the_profile_names_the_bound():
    story = drifted(within=2)
    story.resolves(1, [])
    story.waits(3)
    story.resolves(1, [])
    assert verdict(story).verdict is Standing.BROKEN


def test_an_address_that_did_not_change_needs_no_new_answer():
    story = Story({"pod-delete": [1]})
    story.deploys()
    since = story.at
    for ordinal in range(3):
        story.resolves(ordinal)
    story.drifts("pod-delete", 1, ip=story.pods[1]["ip"])
    story.waits(WITHIN + 1)
    story.resolves(1, since=since, times=400)
    found = verdict(story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["slowest_seconds"] == 0.0


def test_a_clock_whose_error_could_change_the_verdict_makes_it_unknown():
    story = drifted(within=5)
    story.waits(3)
    story.resolves(1, error=3)
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "clock" in found.reason
    late = drifted(within=5)
    late.waits(7)
    late.resolves(1, [], error=3)
    assert verdict(late).verdict is Standing.UNKNOWN
    late.waits(7)
    late.resolves(1, [], error=3)
    assert verdict(late).verdict is Standing.BROKEN


def test_the_right_answer_first_given_after_a_pause_over_the_bound_is_unknown():
    story = drifted(within=5)
    story.resolves(1, [])
    story.waits(6)
    story.resolves(1)
    assert verdict(story).verdict is Standing.UNKNOWN


def test_a_member_that_is_hit_again_before_the_bound_is_judged_by_its_last_pod():
    story = Story({"pod-delete": [1, 1]})
    story.deploys()
    story.resolves(1)
    for address in ("10.0.7.7", NEW):
        story.drifts("pod-delete", 1, ip=address)
        story.waits(2)
        story.resolves(1)
        story.waits(2)
    assert verdict(story).verdict is Standing.HOLDS
    story.waits(WITHIN)
    story.resolves(1, ["10.0.7.7"])
    assert verdict(story).verdict is Standing.BROKEN


def test_a_pod_that_is_no_longer_ready_may_be_forgotten():
    story = drifted()
    story.resolves(1)
    story.waits(WITHIN + 1)
    story.pod(1, "MODIFIED", ready=False)
    story.waits(1)
    story.resolves(1, [])
    assert verdict(story).verdict is Standing.HOLDS


def test_wrong_answers_that_go_on_after_the_pod_is_gone_show_nothing():
    story = drifted()
    since = story.at
    story.waits(10)
    story.pod(1, "MODIFIED", ready=False, deleting=True)
    story.waits(WITHIN)
    story.resolves(1, [], since=since, times=99)
    assert verdict(story).verdict is Standing.UNKNOWN


def test_every_pod_of_a_scale_down_is_a_drift():
    story = Story({"scale-down": [1]})
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    for ordinal in (0, 1):
        story.resolves(ordinal)
    story.waits(WITHIN + 3)
    assert verdict(story).verdict is Standing.UNKNOWN
    story.resolves(2, [])
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "scale-down of ordinal 2" in found.reason


def test_a_pod_that_came_back_with_its_node_at_another_address_is_a_drift():
    story = Story({"node-stop": [1]})
    story.deploys()
    before = story.pods[1]["ip"]
    story.resolves(1)
    story.stage("node-stop", 1, "receipt", story.proof(1))
    # the kubelet tells once more what was true before, then that it is not
    story.pod(1, "MODIFIED")
    story.pod(1, "MODIFIED", ready=False)
    story.waits(10)
    story.pod(1, "MODIFIED", ip=NEW, ready=True)
    story.stage("node-stop", 1, "healed", story.proof(1))
    story.waits(1)
    story.resolves(1)
    found = verdict(story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["slowest_seconds"] == 1.0
    story.waits(1)
    story.resolves(1, [before])
    assert verdict(story).verdict is Standing.BROKEN


def good() -> Story:
    story = drifted()
    story.resolves(1)
    collected(story)
    return story


@pytest.mark.parametrize(
    "spoil",
    [
        lambda story: story.says("driver", "driver", {"event": "lost", "node": "d"}),
        lambda story: collected(story, collected=8),
        lambda story: story.says(
            "watch/pods", "gap", {"kind": "pod", "reason": "410", "after": 1, "until": 9}
        ),
    ],
    ids=["driver lost", "Ops missing", "gap"],
)
def test_a_loss_of_sight_is_unknown(spoil):
    story = good()
    assert verdict(story).verdict is Standing.HOLDS
    spoil(story)
    assert verdict(story).verdict is Standing.UNKNOWN


def test_a_gap_over_the_drift_accuses_nobody():
    story = drifted()
    gap = {"kind": "pod", "reason": "410", "after": 1, "until": 9}
    story.says("watch/pods", "gap", gap, Outcome.INFO)
    story.waits(WITHIN + 1)
    story.resolves(1, ["10.0.8.8"])
    assert verdict(story).verdict is Standing.UNKNOWN


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "dns",
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op.what == "pod",
        lambda op: op.what == "plan",
        lambda op: (
            op.what == "dns"
            and op.value == {**op.value, "server": "10.96.0.10", "addresses": [NEW]}
        ),
    ],
    ids=["answers", "faults", "healing", "pods", "plan", "one server's last"],
)
def test_without_its_evidence_it_is_unknown(lost: Callable[[Op], bool]):
    run = good().history()
    rest = History(tuple(op for op in run.ops if not lost(op)))
    assert checks.CHECKS[DNS].check(rest).verdict is Standing.UNKNOWN

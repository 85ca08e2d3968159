"""storage.claim-per-ordinal on told and recorded runs, and on good ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks, history
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story

GOOD = history.read(Path(__file__).parent / "histories" / "good" / "ledger.jsonl")
OWN = "storage.claim-per-ordinal"


def told(replicas: int = 3, first: int = 0) -> Story:
    story = Story(replicas=replicas, first=first)
    story.deploys()
    return story


def verdict(of: Story | History) -> Verdict:
    return checks.CHECKS[OWN].check(of.history() if isinstance(of, Story) else of)


def changed(of: History, pick: Callable[[Op], bool], **values: object) -> History:
    return History(
        tuple(replace(op, value={**op.value, **values}) if pick(op) else op for op in of.ops)
    )


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


def last(of: History, what: str, name: str) -> Op:
    return [op for op in of.of(what) if op.value["name"] == name][-1]


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 9))
def test_a_claim_a_member_holds_wherever_the_set_begins_to_count(replicas, first):
    found = verdict(told(replicas, first))
    assert found.verdict is Standing.HOLDS
    assert found.figures == {"members": replicas, "claims": replicas}


def test_a_run_without_any_fault_is_enough():
    calm = without(GOOD, lambda op: op.what == "fault")
    assert verdict(calm).verdict is Standing.HOLDS


@pytest.mark.parametrize("claims", [[], ["shared"], ["data-ledger-0"], ["data-ledger-1-x"]])
def test_a_pod_without_a_claim_of_its_own_name_is_broken_and_is_the_evidence(claims):
    run = told()
    mark = last(run.history(), "pod", "ledger-1")
    spoilt = changed(run.history(), lambda op: op.value.get("name") == "ledger-1", claims=claims)
    found = verdict(spoilt)
    assert (found.verdict, found.evidence) == (Standing.BROKEN, (mark.index,))
    assert "wanted is data-ledger-1" in found.reason


def test_a_pod_that_mounts_a_neighbours_claim_besides_its_own_is_broken():
    both = ["data-ledger-0", "data-ledger-1"]
    run = changed(told().history(), lambda op: op.value.get("name") == "ledger-1", claims=both)
    found = verdict(run)
    assert found.verdict is Standing.BROKEN
    assert "mounts data-ledger-0, data-ledger-1" in found.reason


def test_a_claim_of_no_template_is_nobodys_business():
    both = ["data-ledger-1", "papers", "data-ledger-x"]
    run = changed(told().history(), lambda op: op.value.get("name") == "ledger-1", claims=both)
    assert verdict(run).verdict is Standing.HOLDS


def test_a_template_that_only_the_profile_knows_is_broken():
    run = told().history()
    head = run.ops[0]
    profile = {**head.value["profile"], "claim_templates": ["data", "log"]}
    more = replace(head, value={**head.value, "profile": profile})
    assert "wanted is log-ledger-0" in verdict(History((more, *run.ops[1:]))).reason


def test_a_volume_that_two_claims_are_bound_to_is_broken():
    run = told().history()
    one = last(run, "claim", "data-ledger-0").value["volume"]
    other = last(run, "claim", "data-ledger-2")
    found = verdict(changed(run, lambda op: op is other, volume=one))
    assert found.verdict is Standing.BROKEN
    assert found.reason == f"volume {one} is bound to data-ledger-0 and data-ledger-2"
    assert found.evidence == (last(run, "claim", "data-ledger-0").index, other.index)


def test_a_claim_that_was_bound_to_two_volumes_is_broken():
    story = told()
    story.claim(1, "MODIFIED", volume="another")
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert found.reason.endswith("and another")
    assert len(found.evidence) == 2


def test_a_claim_made_anew_under_its_name_is_no_second_one():
    story = told()
    story.goes(1)
    story.claim(1, "DELETED", deleting=True)
    volume = story.claims.pop(1)["volume"]
    story.bound(1)
    story.comes(1)
    assert verdict(story).verdict is Standing.HOLDS
    again = changed(
        story.history(),
        lambda op: op.what == "claim" and op.value["name"] == "data-ledger-1",
        volume=volume,
    )
    assert verdict(again).verdict is not Standing.BROKEN


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (lambda op: op.what == "pod", "no pod of ordinal 0, 1, 2 was ever seen"),
        (lambda op: op.value.get("name") == "ledger-2", "no pod of ordinal 2 was"),
        (lambda op: op.what == "pod" and op.value["node"] != "", "on a node"),
        (lambda op: op.what == "claim", "claim data-ledger-0 was never seen bound"),
        (lambda op: op.what == "volume", "claim data-ledger-0 was never seen bound"),
        (lambda op: op.what == "plan", "the profile names no claim template"),
    ],
    ids=["pods", "one pod", "places", "claims", "volumes", "plan"],
)
def test_what_was_not_seen_is_unknown(lost, said):
    found = verdict(without(told().history(), lost))
    assert found.verdict is Standing.UNKNOWN
    assert said in found.reason


def test_a_volume_that_speaks_of_another_claim_is_unknown():
    run = changed(told().history(), lambda op: op.what == "volume", claim="somebody")
    found = verdict(run)
    assert (found.verdict, found.reason, found.evidence) == (
        Standing.UNKNOWN,
        "the volume of claim data-ledger-0 never said that it is bound to it",
        (last(run, "pod", "ledger-0").index,),
    )


def test_a_claim_that_was_never_seen_bound_is_shown_by_its_pod():
    run = without(told().history(), lambda op: op.what == "claim")
    found = verdict(run)
    assert found.reason == "claim data-ledger-0 was never seen bound"
    assert found.evidence == (last(run, "pod", "ledger-0").index,)


def test_what_holds_is_counted_and_shown_by_each_pod_and_its_volume():
    run = told(2).history()
    found = verdict(run)
    assert found.guarantee == OWN
    assert found.reason == "2 claims of 2 members, each with a volume to itself"
    assert [run.ops[at].what for at in found.evidence] == ["pod", "volume", "pod", "volume"]


def test_a_profile_without_a_template_has_nothing_to_have():
    found = verdict(without(told().history(), lambda op: op.what == "plan"))
    assert found == Verdict(
        OWN, Standing.UNKNOWN, "the profile names no claim template, so there is nothing to have"
    )


def test_lines_of_the_watch_that_a_crash_tore_leave_it_unknown():
    story = told()
    story.says("watch/pods", "gap", {"kind": "pod", "reason": "torn"})
    assert verdict(story).verdict is Standing.UNKNOWN


def test_a_watch_that_was_away_and_listed_anew_has_seen_every_claim():
    story = told()
    value = {"kind": "claim", "reason": "410", "after": 1, "until": story.rv}
    story.says("watch/persistentvolumeclaims", "gap", value)
    assert verdict(story).verdict is Standing.HOLDS


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN


@settings(deadline=None)
@given(st.integers(2, 5), st.data())
def test_whoever_of_them_shares_a_claim_is_found(replicas, data):
    one, other = data.draw(
        st.lists(st.integers(0, replicas - 1), min_size=2, max_size=2, unique=True)
    )
    mounted = [f"data-ledger-{one}"]
    name = f"ledger-{other}"
    run = changed(told(replicas).history(), lambda op: op.value.get("name") == name, claims=mounted)
    assert verdict(run).verdict is Standing.BROKEN

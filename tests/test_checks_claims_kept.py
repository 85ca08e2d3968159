"""storage.retention-policy: what shows a claim deleted, and what is pointed at."""

from __future__ import annotations

from dataclasses import replace

from seatrial import checks
from seatrial.model import History, Outcome, Standing, Verdict
from seatrial.testing import Story, declares, gets_its_set_again, loses_its_set

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
FAULTS = {"scale-down": [1], "set-delete": [0]}


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["storage.retention-policy"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def kept(*, deleted: str = "Retain", without_claims: tuple[int, ...] = ()) -> Story:
    story = Story(FAULTS)
    declares(story, deleted=deleted)
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    loses_its_set(story)
    for ordinal in without_claims:
        story.claim(ordinal, "DELETED")
        del story.claims[ordinal]
    gets_its_set_again(story)
    return story


def test_a_claim_that_is_gone_without_a_mark_was_deleted_all_the_same():
    assert verdict(kept(without_claims=(1,))).verdict is BROKEN


def test_a_claim_that_is_seen_again_is_not_deleted():
    story = kept()
    at = next(n for n, op in enumerate(story.ops) if op.value.get("fault") == "set-delete")
    claim = next(op for op in story.ops if op.what == "claim")
    seen = replace(claim, value={**claim.value, "event": "MODIFIED"})
    story.ops.insert(at + 1, replace(seen, completed=story.ops[at].completed))
    assert verdict(story).verdict is HOLDS


def test_a_claim_that_is_another_one_went_though_nobody_saw_it_go():
    story = kept(without_claims=(1,))
    story.ops = [op for op in story.ops if (op.what, op.value.get("event")) != ("claim", "DELETED")]
    found = verdict(story)
    assert found.reason == (
        "the set says whenDeleted: Retain, and claim data-ledger-1 is another one after "
        "set-delete of ordinal 1"
    )
    (shown,) = found.evidence
    assert story.ops[shown].value["stage"] == "receipt"


def test_a_claim_that_should_have_gone_is_there_still():
    found = verdict(kept(deleted="Delete", without_claims=(0, 1)))
    assert found.reason == (
        "the set says whenDeleted: Delete, and claim data-ledger-2 is there still after "
        "set-delete of ordinal 2"
    )


def test_all_that_was_declared_while_it_was_scaled_is_told():
    story = Story({"scale-down": [1, 1]})
    for says in ("Retain", "Delete"):
        declares(story, scaled=says)
        if says == "Retain":
            story.deploys()
        story.scales_down(1)
        story.scales_up(1)
    assert verdict(story).figures["whenScaled"] == "Delete, Retain"


def test_a_gap_of_the_watch_hides_no_claim_and_a_torn_line_does():
    story = kept()
    gap = {"kind": "claim", "reason": "410", "after": 1, "until": 2}
    story.says("watch/persistentvolumeclaims", "gap", gap, Outcome.INFO)
    assert verdict(story).verdict is HOLDS
    story.says("watch/persistentvolumeclaims", "gap", {"kind": "claim", "reason": "torn"})
    found = verdict(story)
    assert found.reason == "what became of the claims was not seen: torn"
    assert found.evidence == (len(story.ops) - 1,)


def test_a_member_whose_return_was_not_seen_is_shown_by_the_receipt():
    story = kept()
    back = story.pods[2]["uid"]
    seen = [op for op in story.ops if op.what != "pod" or op.value["uid"] != back]
    run = History(tuple(replace(op, index=n) for n, op in enumerate(seen)))
    found = verdict(run)
    assert found.reason == "the claim that ordinal 2 came back with was not seen"
    (shown,) = found.evidence
    assert (run.ops[shown].value["fault"], run.ops[shown].value["stage"]) == (
        "set-delete", "receipt"
    )  # fmt: skip


def test_a_claim_that_is_being_deleted_still_is_shown_with_its_mark():
    story = Story(FAULTS)
    declares(story, deleted="Delete")
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    loses_its_set(story)
    for ordinal in (0, 1):
        story.claim(ordinal, "DELETED")
        del story.claims[ordinal]
    story.claim(2, "MODIFIED", deleting=True)
    mark = len(story.ops) - 1
    gets_its_set_again(story)
    found = verdict(story)
    assert (found.verdict, found.evidence[-1]) == (UNKNOWN, mark)

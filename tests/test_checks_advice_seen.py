"""Advice from what a run showed: the sentences, and where none may be said."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.advice import advise
from seatrial.checks.failures import HELPER
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.copying import Copied
from seatrial.testing.lives import Heard
from seatrial.testing.peering import grows


def said(
    guarantee: str, facts: dict[str, Any], of: Story | None = None, **figures: int
) -> tuple[str, ...]:
    ops = (of or Story()).history().ops
    told = Op("run", "declared", Outcome.OK, 0.0, 0.0, facts, index=len(ops))
    verdict = Verdict(guarantee, Standing.BROKEN, "it is", figures=figures)
    return advise(History((*ops, told)), verdict)


LOST = "durability.acknowledged", {"templates": ["data"]}


def test_a_profile_that_says_nothing_of_bounds_declares_no_other_policy():
    story = Story()
    del story.ops[0].value["profile"]["bounds"]
    assert said("storage.reclaim", {"templates": ["data"]}, story) == ()
    del story.ops[0].value["profile"]  # type: ignore[attr-defined]
    assert said("storage.reclaim", {"templates": ["data"]}, story) == ()


def test_a_tail_is_told_with_how_many_of_the_lost_writes_it_is():
    assert said(*LOST, lost=5, tail=3) == (
        (
            "3 of 5 lost writes are the last ones acknowledged before a member ended: it "
            "acknowledges before they are on the disk"
        ),
    )


@pytest.mark.parametrize("figures", [{"lost": 3}, {"tail": 2}, {"lost": 3, "tail": 0}, {}])
def test_where_no_lost_write_was_a_last_one_nobody_acknowledged_too_early(figures):
    assert said(*LOST, **figures) == ()


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            "OrderedReady",
            (
                "the profile claims that members are made and ended all at once, and the set says "
                "`podManagementPolicy: OrderedReady`"
            ),
        ),
        ("Parallel", "somebody holds members up: the set says `podManagementPolicy: Parallel`"),
    ],
)
def test_where_all_at_once_is_claimed_whoever_holds_members_up_is_named(policy, sentence):
    claims = Story(bounds={"ordering.deploy": {"parallel": 1.0}})
    assert said("ordering.deploy", {"policy": policy}, claims) == (sentence,)
    assert said("ordering.deploy", {"strategy": "OnDelete"}, claims) == ()


@pytest.mark.parametrize(
    ("bounds", "sentences"),
    [
        ({"retain": 1.0, "delete": 0.0}, ["retain: 1"]),
        ({"delete": 0.0}, []),
    ],
)
def test_a_profile_that_declares_another_reclaim_policy_is_named_with_its_number(bounds, sentences):
    claims = Story(bounds={"storage.reclaim": bounds})
    assert said("storage.reclaim", {"templates": ["data"]}, claims) == tuple(
        f"`storage.reclaim: {{{one}}}` in the profile declares another policy than the storage "
        "class has"
        for one in sentences
    )


WENT = (
    "where the retention policy says Retain the StatefulSet controller gives a claim no owner: one "
    "that went all the same was deleted, or given an owner, by somebody else"
)


@pytest.mark.parametrize(
    ("policies", "event", "name", "sentences"),
    [
        (("Retain", "Retain"), "DELETED", "data-ledger-1", (WENT,)),
        (("Retain", "Retain"), "DELETED", "other-ledger-1", ()),
        (("Retain", "Retain"), "MODIFIED", "data-ledger-1", ()),
    ],
)
def test_a_claim_that_went_against_its_policy_went_by_somebody_elses_hand(
    policies, event, name, sentences
):
    story = Story()
    story.claim(1, event, name=name)
    kept = dict(zip(("whenDeleted", "whenScaled"), policies, strict=True))
    facts = {"set": "ledger", "templates": ["data", "log"], "retention": kept}
    assert said("storage.retention", facts, story) == sentences
    assert said("storage.retention", {"set": "ledger", "templates": ["data"]}, story) == ()


def forced(seconds: float) -> Heard:
    """Tell of a container that ends so long after its pod is gone."""
    run = Heard({"node-cut": [1]})
    run.deploys()
    run.runs_on = True
    run.pod(1, "DELETED")
    run.waits(seconds)
    run.ran(1)
    return run


def test_a_container_that_ends_a_second_after_its_pod_was_not_deleted_by_force():
    assert said("identity.at-most-one", {}, forced(1.0)) == ()
    assert said("identity.at-most-one", {}, forced(1.5)) == (
        (
            "ledger-1 was gone from the API server 1.5 s before its container on worker-1 ended: "
            "its pod was deleted by force (grace period 0) while nobody "
            "could know that it had ended"
        ),
    )


def test_a_member_whose_runtime_nobody_heard_was_not_seen_deleted_by_force():
    story = Story()
    story.deploys()
    story.goes(1)
    assert said("identity.at-most-one", {}, story) == ()


def labelled(*labels: dict[str, str] | None) -> Story:
    """Tell of a pod that is seen with these labels, or none, one after the other."""
    story = Story()
    for number, one in enumerate(labels):
        uid = {"name": "ledger-1", "uid": "u", "claims": [], "node": "", "ip": "", "ready": False}
        story.pods[1] = {**uid, "deleting": False, **({} if one is None else {"labels": one})}
        story.pod(1, "MODIFIED" if number else "ADDED")
    return story


ANSWERED = (
    (
        "its liveness probe asks for `/healthz`, which was answered while a thread stood still: "
        "nothing of it needs the locks that clients need"
    ),
)
LISTED = (
    (
        "the container has no `preStop` hook: who is scaled away ends, and tells nobody that it "
        "does not come back"
    ),
)


@pytest.mark.parametrize(("fault", "sentences"), [("lock-hang", ANSWERED), ("process-stop", ())])
def test_a_probe_is_shallow_only_where_a_thread_stood_still(fault, sentences):
    story = Story({fault: [1]})
    story.deploys()
    story.stage(fault, 1, "receipt", story.proof(1))
    probe = {"kind": "httpGet", "program": [], "path": "/healthz"}
    assert said("availability.deadlock", {"alive": probe}, story) == sentences
    assert said("availability.deadlock", {"alive": {**probe, "path": ""}}, story) == ()


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [({"prestop": {"kind": ""}}, LISTED), ({"prestop": {"kind": "exec"}}, ()), ({}, ())],
)
def test_a_set_whose_members_list_who_left_lacks_a_hook_only_if_it_says_so(facts, sentences):
    story = Story({"scale-up": [0]})
    story.deploys()
    grows(story, down=[0, 1, 2, 3])
    assert said("topology.membership", facts, story) == sentences


INDEX = "apps.kubernetes.io/pod-index"
REWRITTEN = (
    f"the label `{INDEX}` was right at first and changed later: the StatefulSet controller puts "
    "the pod-name label right again, but not this one, so whoever writes it wins"
)
TAKEN = "a label that the set's selector asks for was taken off ledger-1 while it was nobody's"


def test_labels_that_were_not_recorded_were_neither_rewritten_nor_taken_off():
    for story in (labelled(None, {INDEX: "2"}), labelled(None, {"app": "ledger"})):
        assert said("identity.labels", {}, story) == ()
        assert said("ordering.adopt", {"labels": {"app": "ledger"}}, story) == ()


def test_a_label_that_is_gone_later_was_rewritten_or_taken_off():
    assert said("identity.labels", {}, labelled({INDEX: "1"}, None)) == (REWRITTEN,)
    story = labelled({"app": "ledger"}, None, {"app": "ledger"})
    assert said("ordering.adopt", {"labels": {"app": "ledger"}}, story) == (TAKEN,)
    assert said("ordering.adopt", {}, story) == ()


def received(fault: str) -> Story:
    story = Story({fault: [1]})
    story.deploys()
    story.stage(fault, 1, "receipt", story.proof(1))
    return story


RECOVERY = {
    "recovery.fails-loudly": "backup-store-down",
    "recovery.stale-return": "node-stale-return",
    "recovery.scheduled": "backup-policy-change",
}


def test_a_breach_of_recovery_has_a_cause_only_where_its_own_fault_showed_it():
    for fault in RECOVERY.values():
        story = received(fault)
        named = [guarantee for guarantee in RECOVERY if said(guarantee, {}, story)]
        assert named == [guarantee for guarantee in RECOVERY if RECOVERY[guarantee] == fault]


def test_helpers_are_to_blame_only_where_there_were_any():
    story = Story()
    story.deploys()
    assert said("recovery.provisioning", {}, story) == ()
    story.pod(1, "MODIFIED", labels={HELPER: "v"})
    assert said("recovery.scheduled", {}, story) == ()
    (blamed,) = said("recovery.provisioning", {}, story)
    assert blamed.startswith("whoever makes the pods that make directories")


def test_what_lay_in_a_repository_is_a_cause_of_nothing_but_of_what_could_be_read():
    found = Copied(found=("data/aa",)).story()
    (blamed,) = said("recovery.encrypted", {}, found)
    assert blamed.startswith("data/aa came into the repository beside what the engine encrypted")
    assert said("recovery.encrypted", {}, Copied().story()) == ()
    assert said("recovery.new-service", {}, found) == ()


def test_a_copied_bank_without_any_account_is_torn():
    story = Copied().story()
    proof = next(op for op in story.ops if op.value.get("stage") == "receipt").value["proof"]
    assert said("recovery.new-service", {}, story) == ()
    del proof["bank"]["copy"]["balances"]
    assert said("recovery.new-service", {}, story) == (
        (
            "the member wrote while it was copied: run its policy's `quiesce` before the copy and "
            "`resume` after it"
        ),
    )


@pytest.mark.parametrize(
    ("restored", "older"), [("first", True), ("second", True), ("third", False), ("none", False)]
)
def test_whoever_restored_an_older_backup_did_not_choose_by_when_it_began(restored, older):
    story = Story()
    for name in ("first", "second", "third"):
        story.waits(1)
        story.says("backup/1", "backup", {"snapshot": name}, took=0.1)
    story.says("recovery", "stage", {"stage": "restored", "snapshot": restored})
    story.says("recovery", "stage", {"stage": "cleared"})
    assert said("recovery.six-stages", {}, story) == (
        (f"{restored} was restored and third is newer: choose by when each backup began",)
        if older
        else ()
    )

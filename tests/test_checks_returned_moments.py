"""recovery.stale-return: which volumes, claims, pods and writes are the old disk's, and when."""

from __future__ import annotations

from typing import Any

from seatrial.checks import CHECKS
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.reviving import Returned

STALE = "recovery.stale-return"


def verdict(story: Story) -> Verdict:
    return CHECKS[STALE].check(story.history())


def stage(story: Story, name: str) -> Op:
    return next(op for op in story.ops if op.what == "fault" and op.value["stage"] == name)


def seen(story: Story, what: str, at: float, **value: Any) -> Op:
    """Let a watch tell of an object at some second."""
    story.rv += 1
    op = Op("watch", what, Outcome.OK, at, at, {"event": "MODIFIED", "rv": story.rv, **value})
    story.ops.append(op)
    return op


def volume(story: Story, name: str, **value: Any) -> None:
    """Let a volume of the returned node be free after the return, unless something else is said."""
    at = value.pop("at", stage(story, "receipt").completed + 1)
    told = {"name": name, "uid": f"uid-of-{name}", "node": "worker-1", "phase": "Available"}
    seen(story, "volume", at, **{**told, **value})


def told() -> tuple[Story, dict[str, Any]]:
    story = Returned().story()
    return story, stage(story, "receipt").value["proof"]


def what(story: Story, found: Verdict) -> list[str]:
    return [story.history().ops[index].what for index in found.evidence]


def test_a_claim_that_is_gone_holds_no_old_volume():
    story, proof = told()
    at = stage(story, "receipt").completed + 1
    seen(story, "claim", at, event="DELETED", name="data", uid="c", volume=proof["had"][0])
    assert verdict(story).verdict is Standing.HOLDS
    seen(story, "claim", at + 1, name="data", uid="d", volume=proof["had"][0])
    found = verdict(story)
    assert found.reason == f"claim data is bound to {proof['had'][0]}, on the old disk"
    assert what(story, found) == ["fault", "claim"]


def test_volumes_that_nobody_can_claim_or_that_were_others_before_are_no_matter():
    story, proof = told()
    volume(story, "elsewhere", node="worker-2")
    volume(story, "gone", event="DELETED")
    volume(story, "bound", phase="Bound")
    for name in ("another's", "and one more"):
        volume(story, name, at=1.0)
    assert verdict(story).verdict is Standing.HOLDS
    volume(story, proof["had"][0])
    found = verdict(story)
    assert found.reason == (
        f"volume {proof['had'][0]} of worker-1, whose disk is old, is left to be claimed"
    )
    assert what(story, found) == ["fault", "volume"]


def pod(story: Story, later: float = 1.0, **value: Any) -> None:
    at = stage(story, "receipt").completed + later
    facts = {**story.pods[1], "uid": "third", "node": "worker-1", "ready": True, **value}
    seen(story, "pod", at, **facts)


def test_pods_elsewhere_of_others_before_and_those_that_are_gone_are_not_the_member_again():
    story, _ = told()
    pod(story, node="worker-3")
    pod(story, name="ledger-2")
    pod(story, later=-1.0)
    pod(story, event="DELETED")
    assert verdict(story).verdict is Standing.HOLDS
    pod(story)
    found = verdict(story)
    assert found.reason == "ledger-1 ran on worker-1 again, where its old disk is"
    assert what(story, found) == ["fault", "pod"]


def test_a_gap_that_gives_no_reason_is_told_without_one():
    story, _ = told()
    at = stage(story, "receipt").completed
    story.ops.append(Op("watch/pods", "gap", Outcome.INFO, at, at, {"kind": "pod"}))
    found = verdict(story)
    assert found.reason == "the watch of pods has a gap: "
    assert what(story, found) == ["fault", "gap"]


def test_every_volume_that_the_member_had_is_named_where_none_lies_on_the_disk():
    story = Returned(lies=False).story()
    proof = stage(story, "receipt").value["proof"]
    proof["had"] = ["one", "two"]
    found = verdict(story)
    assert found.reason == "nothing of one, two lies on the disk that came back"
    assert what(story, found) == ["fault", "fault"]


def test_who_was_not_read_and_whose_backup_nobody_told_are_two_reasons():
    unread = verdict(Returned(read=Outcome.INFO).story())
    assert unread.reason == "the member was not read to its end"
    assert verdict(Returned(told=False).story()).reason == "its backup was not told"


def test_an_old_disk_that_nobody_uses_is_shown_by_its_receipt_and_its_healing():
    story, _ = told()
    assert what(story, verdict(story)) == ["fault", "fault"]


def test_what_is_back_is_shown_with_the_backup_that_lacked_it():
    story = Returned(back=1).story()
    found = verdict(story)
    assert what(story, found) == ["fault", "backup", "write"]


def gone(since: float, until: float, error: float = 0.0, backup: float = 0.0, **value: Any) -> int:
    """Count as gone one write at these seconds after the backup, two before the loss began."""
    story = Returned(lost=0, error=backup).story()
    at = next(op for op in story.ops if op.what == "backup").completed
    assert stage(story, "planned").completed == at + 2
    told = {"member": 1, "writer": "w", "seq": 1, "crc": 1, "previous": 0, "value": "", **value}
    outcome = told.pop("outcome", Outcome.OK)
    op = Op("client/w", "write", outcome, at + since, at + until, told, error)
    story.ops.append(op)
    return int(verdict(story).figures["gone"])


def test_a_write_is_gone_if_it_surely_was_sent_after_the_backup():
    assert gone(0.5, 1.0) == 1
    assert gone(0.0, 1.0) == 0
    assert gone(0.5, 1.0, error=0.5) == 0
    assert gone(0.5, 1.0, backup=0.5) == 0
    assert gone(0.5, 1.0, error=0.125, backup=0.25) == 1


def test_a_write_is_gone_if_it_surely_was_acknowledged_before_the_loss():
    assert gone(1.0, 1.5) == 1
    assert gone(1.0, 2.0) == 0
    assert gone(1.0, 1.5, error=0.5) == 0
    assert gone(1.0, 1.5, error=0.25) == 1


def test_what_others_took_or_nobody_acknowledged_is_not_gone():
    assert gone(0.5, 1.0, member=2) == 0
    assert gone(0.5, 1.0, outcome=Outcome.INFO) == 0


def test_what_was_not_seen_is_told_word_for_word_and_shown_by_the_receipt():
    for seen, said in (
        (Returned(healed=False), "the node was not seen to be back"),
        (
            Returned(restored=False),
            "the member went on with the volume that it had: no disk was given up",
        ),
    ):
        story = seen.story()
        found = verdict(story)
        assert (found.reason, what(story, found)) == (said, ["fault"])
    story = Returned().story()
    story.loses_sight("claim")
    assert verdict(story).reason == "the watch of claims has a gap: 410"

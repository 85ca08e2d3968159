"""config.center: who counts as started meanwhile, how long is waited, and what shows a finding."""

from __future__ import annotations

from dataclasses import replace

from seatrial import checks
from seatrial.model import Op, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.configuring import (
    FAULT,
    PATIENCE,
    STARTS,
    all_tell,
    gets_centre_back,
    loses_centre,
    outage,
    tells_config,
)

CENTER = "config.center"


def deployed() -> Story:
    story = Story({FAULT: [0]}, replicas=2)
    story.deploys()
    return story


def judge(story: Story) -> Verdict:
    return checks.CHECKS[CENTER].check(story.history())


def shown(story: Story) -> list[str]:
    """Give the kinds of the Ops that show a verdict, of faults the stage."""
    ops = [story.history().ops[index] for index in judge(story).evidence]
    return [str(op.value.get("stage", op.what)) for op in ops]


def stage(story: Story, name: str) -> Op:
    return next(op for op in story.ops if op.value.get("stage") == name)


def edited(story: Story, name: str, **proof: object) -> None:
    """Let the proof of a stage say something else."""
    op = stage(story, name)
    value = {**op.value, "proof": {**op.value["proof"], **proof}}
    story.ops[story.ops.index(op)] = replace(op, value=value)


def test_an_outage_that_nobody_minds_is_praised_and_shown_member_by_member():
    story = deployed()
    outage(story)
    found = judge(story)
    assert found.verdict is Standing.HOLDS
    assert found.reason == (
        "1 members started and all ran on without their centre, and 2 took up what was changed "
        "when it was back"
    )
    assert shown(story) == [
        "receipt", "pod", "answer", "answer", "healed", "answer", "answer", "answer", "answer",
    ]  # fmt: skip


def test_a_gap_in_the_watch_of_pods_leaves_it_unknown():
    story = deployed()
    outage(story)
    story.loses_sight("pod")
    assert judge(story).reason == "the watch of pods has a gap: 410"


def test_a_centre_that_never_came_back_is_shown_by_the_receipt():
    story = deployed()
    all_tell(story)
    loses_centre(story, 0)
    tells_config(story, 0, source="backup")
    tells_config(story, 1)
    story.stage(FAULT, 0, "stopped", {"reason": "not within its limit"})
    assert judge(story).reason == "the centre was not seen to come back"
    assert shown(story) == ["receipt"]


def test_where_no_other_pod_was_seen_nobody_was_started():
    for uid in ("the old one", "none"):
        story = deployed()
        outage(story)
        edited(story, "receipt", uid=story.pods[0]["uid"])
        story.ops = [op for op in story.ops if uid != "none" or op.what != "pod"]
        assert judge(story).reason == "no other pod of ordinal 0 was seen meanwhile"
        assert shown(story) == ["receipt"]


def test_a_pod_that_came_after_the_centre_was_back_was_not_started_without_it():
    story = deployed()
    outage(story)
    edited(story, "receipt", uid=story.pods[0]["uid"])
    story.goes(0)
    story.comes(0)
    assert judge(story).reason == "no other pod of ordinal 0 was seen meanwhile"


def test_a_pod_counts_from_its_first_sight_which_must_lie_in_the_outage():
    story = deployed()
    all_tell(story)
    old = story.pods[0]["uid"]
    story.pod(0, "ADDED", uid="early", ready=False)
    loses_centre(story, 0)
    for op in story.ops:
        if op.value.get("name") == "ledger-0" and op.value["uid"] != old:
            dict.update(op.value, uid="early")
    edited(story, "receipt", uid=old)
    gets_centre_back(story, 0)
    assert judge(story).reason == "no other pod of ordinal 0 was seen meanwhile"


def unready(seconds: float, limit: float | None = PATIENCE) -> Story:
    """Let the pod that was made not be Ready for so long, until the receipt."""
    story = deployed()
    all_tell(story)
    loses_centre(story, 0, starts=False, waits=0.0)
    made = next(op for op in story.ops if op.value.get("uid") == story.pods[0]["uid"])
    receipt = stage(story, "receipt")
    story.ops[story.ops.index(receipt)] = replace(receipt, completed=made.completed + seconds)
    story.at = made.completed + seconds + 1
    head = story.ops[0]
    had = made.completed + seconds - made.completed
    limits = {} if limit is None else {STARTS: had if limit == seconds else limit}
    story.ops[0] = replace(head, value={**head.value, "limits": limits})
    gets_centre_back(story, 0)
    return story


def test_a_pod_has_its_whole_time_to_be_ready_without_its_centre():
    found = judge(unready(PATIENCE))
    assert (found.verdict, found.reason) == (
        Standing.BROKEN,
        "ledger-0 was not Ready 30.0 s after it was made while its centre was away",
    )
    found = judge(unready(PATIENCE - 1))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "ledger-0 was not Ready without its centre, but was watched for 29.0 s only",
    )
    assert judge(unready(900, None)).verdict is Standing.UNKNOWN


def test_what_a_member_ran_with_is_shown_before_at_and_after_the_receipt():
    for said, standing in (
        ({"source": "none"}, Standing.BROKEN),
        ({"source": "backup", "release": "zero"}, Standing.BROKEN),
        ({"source": "centre"}, Standing.UNKNOWN),
    ):
        story = deployed()
        outage(story, meanwhile=said)
        assert judge(story).verdict is standing
        assert shown(story) == ["answer", "receipt", "answer"]


def test_a_fault_of_another_kind_ends_no_looking_after_the_healing():
    story = deployed()
    all_tell(story)
    loses_centre(story, 0)
    tells_config(story, 0, source="backup")
    tells_config(story, 1)
    gets_centre_back(story, 0)
    story.stage("process-kill", 1, "receipt", story.proof(1))
    for member in story.members:
        tells_config(story, member, release="two", word="changed")
    assert judge(story).verdict is Standing.HOLDS


def test_what_was_not_told_is_unknown_word_for_word_and_shown():
    story = deployed()
    loses_centre(story, 0)
    assert judge(story).reason == "how the centre's absence ended was not told"
    assert shown(story) == ["receipt"]
    story = deployed()
    outage(story, word="")
    edited(story, "healed", changed={})
    assert judge(story).reason == "nothing was changed when the centre was back"
    assert shown(story) == ["healed"]
    op = stage(story, "healed")
    del op.value["proof"]["changed"]
    assert judge(story).reason == "nothing was changed when the centre was back"


def test_who_told_nothing_before_or_afterwards_is_shown_by_the_fault():
    story = deployed()
    outage(story)
    told = [op for op in story.ops if op.value.get("question") == "config"]
    story.ops.remove(told[0])
    assert judge(story).reason == "member 0 told no configuration before its centre was away"
    assert shown(story) == ["receipt"]
    story.ops = [op for op in story.ops if op not in told[-2:]]
    story.ops.insert(2, told[0])
    story.ops.sort(key=lambda op: op.completed)
    assert judge(story).reason == "member 0 told no configuration after its centre was back"
    assert shown(story) == ["healed"]


def test_a_change_that_was_not_taken_up_is_shown_by_the_healing_and_the_answer():
    story = deployed()
    outage(story, takes=[1])
    assert judge(story).reason == (
        "ledger-0 did not take up what was changed when its centre was back"
    )
    assert shown(story) == ["healed", "answer"]


def test_who_was_not_ready_in_time_is_shown_from_its_making_and_who_may_have_been_is_not():
    late, early = unready(PATIENCE), unready(PATIENCE - 1)
    assert shown(late) == ["pod", "receipt"]
    assert late.history().ops[judge(late).evidence[0]].value["event"] == "ADDED"
    assert shown(early) == ["receipt"]

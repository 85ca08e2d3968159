"""Fake deaths: which container is another, which write excuses, and what is told of how long."""

from __future__ import annotations

from typing import Any

from seatrial import checks
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.hanging import HANG, LOCK, collected

WAYS = {HANG: "availability.fake-death", LOCK: "availability.deadlock"}
OLD = "containerd://old"
STRUCK = 20.0
"""The second of the receipt; the kubelet kills ten later, and the next container is a second old
when it is healed at 32."""


def hung(fault: str = HANG) -> Story:
    """Let the second member stand still; it served until then."""
    story = Story({fault: [1]}, bounds={WAYS[fault]: {"within": 30}})
    story.deploys()
    story.pod(1, "MODIFIED", containers={"ledger": OLD})
    asks(story, STRUCK - 2, STRUCK - 1)
    story.at = STRUCK - 0.5
    story.stage(fault, 1, "planned", {"target": story.proof(1)})
    story.at = STRUCK
    story.stage(fault, 1, "receipt", {**story.proof(1), "container": "old"})
    return story


def asks(story: Story, since: float, until: float, *, error: float = 0.0) -> Op:
    story.at = until
    seq = sum(op.what == "write" for op in story.ops) + 1
    told = {"member": 1, "writer": "w", "seq": seq, "value": "", "previous": 0, "crc": seq}
    return story.says("client/w", "write", told, took=until - since, error=error)


def killed(story: Story, reason: str = "Killing") -> None:
    story.at = STRUCK + 10
    about = {"kind": "Pod", "name": "ledger-1", "uid": story.pods[1]["uid"]}
    told = {"type": "Normal", "reason": reason, "about": about, "by": "kubelet"}
    story.says("watch/events", "event", {**told, "event": "ADDED", "rv": story.rv})


def healed(story: Story, fault: str = HANG, **proof: Any) -> Story:
    """Let it be started again, and serve."""
    story.at = STRUCK + 11
    story.pod(1, "MODIFIED", containers={"ledger": "containerd://new"})
    story.at = STRUCK + 12
    how = {"container": "new", "how": "started again", "noticed": True, "stood": 10.0, **proof}
    told = {key: fact for key, fact in how.items() if fact is not ...}
    story.stage(fault, 1, "healed", {**story.proof(1), **told})
    asks(story, STRUCK + 12, STRUCK + 12.5)
    collected(story)
    return story


def judge(story: Story, fault: str = HANG) -> Verdict:
    return checks.CHECKS[WAYS[fault]].check(story.history())


def shown(story: Story, found: Verdict) -> list[str]:
    ops = [story.history().ops[index] for index in found.evidence]
    return [str(op.value.get("stage", op.what)) for op in ops]


def test_who_is_started_again_is_shown_by_its_next_container():
    story = hung()
    killed(story)
    found = judge(healed(story))
    assert found.verdict is Standing.HOLDS
    pods = [story.history().ops[index] for index in found.evidence]
    (pod,) = (op for op in pods if op.what == "pod")
    assert pod.value["containers"] == {"ledger": "containerd://new"}


def test_a_pod_that_tells_no_container_or_the_old_one_is_not_in_another():
    story = hung()
    story.pod(1, "MODIFIED")
    story.pod(1, "MODIFIED", containers={})
    story.says("watch/pods", "pod", {"name": "ledger-1", "event": "MODIFIED", "rv": story.rv})
    killed(story)
    healed(story)
    story.ops = [op for op in story.ops if "containerd://new" not in str(op.value)]
    story.pods[1]["containers"] = {"ledger": OLD}
    found = judge(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "no other container of member 1 was seen",
    )
    assert shown(story, found) == ["receipt", "healed"]


def test_a_driver_that_was_lost_is_shown_by_the_fault():
    story = hung()
    killed(story)
    healed(story)
    story.says("driver", "driver", {"event": "lost", "node": "d"})
    assert judge(story).reason == "the driver was lost: nobody knows why"


def test_seconds_are_told_to_three_places():
    story = hung()
    story.at = STRUCK + 1.23456
    about = {"uid": story.pods[1]["uid"]}
    said = {"reason": "Unhealthy", "about": about, "event": "ADDED", "rv": story.rv}
    story.says("watch/events", "event", said)
    killed(story)
    story.at = STRUCK + 11
    story.pod(1, "MODIFIED", containers={"ledger": "containerd://new"})
    proof = {**story.proof(1), "container": "new", "noticed": True, "stood": 10.0}
    story.stage(HANG, 1, "healed", proof)
    asks(story, STRUCK + 12, STRUCK + 12.23456)
    figures = judge(story).figures
    assert figures["told"] == 1.235
    assert figures["seconds"] == round(figures["seconds"], 3) == 12.735


def excuses(since: float, until: float, error: float = 0.0, **proof: Any) -> bool:
    """Tell whether a write at these seconds after the receipt shows that nobody minds the lock."""
    story = hung(LOCK)
    asks(story, STRUCK + since, STRUCK + until, error=error)
    killed(story)
    found = judge(healed(story, LOCK, **proof), LOCK)
    harmless = "with one of its threads stopped" in found.reason
    if harmless:
        assert found.reason == (
            "member 1 acknowledged a write with one of its threads stopped: clients need it not"
        )
        assert shown(story, found) == ["receipt", "write"]
    return harmless


def test_a_write_excuses_that_surely_was_sent_after_the_receipt():
    assert excuses(1, 2)
    assert excuses(0, 2)
    assert excuses(0.5, 2, error=0.5)
    assert not excuses(0.25, 2, error=0.5)
    assert not excuses(-0.25, 2)


def test_a_write_excuses_that_surely_was_acknowledged_before_it_stood_no_more():
    assert excuses(8, 9.75)
    assert not excuses(8, 10)
    assert not excuses(8, 9.75, error=0.5)
    assert excuses(8, 9.75, error=0.125)


def test_a_healing_that_does_not_tell_for_how_long_it_stood_excuses_nothing():
    assert not excuses(0.25, 0.5, stood=...)
    assert excuses(0.25, 0.5)


def test_the_next_container_is_killed_for_and_excuses_nothing_before_it_is_named():
    story = hung(LOCK)
    killed(story)
    asks(story, STRUCK + 10.25, STRUCK + 10.5)
    assert judge(healed(story, LOCK, stood=30.0), LOCK).verdict is Standing.HOLDS
    other = hung(LOCK)
    killed(other, "Unhealthy")
    asks(other, STRUCK + 10.25, STRUCK + 10.5)
    assert judge(healed(other, LOCK, stood=30.0), LOCK).verdict is Standing.UNKNOWN


def test_a_write_that_nobody_acknowledged_excuses_nothing():
    story = hung(LOCK)
    written = asks(story, STRUCK + 1, STRUCK + 2)
    story.ops.remove(written)
    told = dict(written.value)
    story.says("client/w", "write", told, Outcome.INFO, took=1)
    killed(story)
    assert judge(healed(story, LOCK), LOCK).verdict is Standing.HOLDS


def test_who_stood_for_nobody_knows_how_long_stood_for_no_time():
    for stood, seconds in ((10.0, "10.0"), (..., "0.0")):
        story = hung()
        healed(story, noticed=False, stood=stood)
        assert judge(story).reason == (
            f"member 1 stood still with open sockets for {seconds} s and nobody ended it; "
            "30 s are claimed"
        )

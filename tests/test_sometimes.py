"""States that runs should reach sometimes: each is reached by a told run, and by no quiet one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import history
from seatrial.checks.sometimes import SOMETIMES, reached
from seatrial.model import History, Op, Outcome
from seatrial.testing import Story

RECORDED = Path(__file__).parent / "histories"
ALL = sorted(RECORDED.glob("*/*.jsonl"))


def deployed() -> Story:
    story = Story()
    story.deploys()
    story.phase("fault")
    return story


def strikes(story: Story, fault: str, ordinal: int, *, then: str = "healed") -> None:
    """Let a fault strike a member that lives on, for a second."""
    begins(story, fault, ordinal)
    story.waits(1)
    story.stage(fault, ordinal, then, story.proof(ordinal))


def begins(story: Story, fault: str, ordinal: int, **proof: Any) -> None:
    story.waits(0.1)
    story.stage(fault, ordinal, "planned", {"target": story.proof(ordinal)})
    story.waits(0.2)
    story.stage(fault, ordinal, "receipt", proof or story.proof(ordinal))


def hung_write(story: Story, member: int, *, there: bool = True) -> dict[str, Any]:
    """Let a write be under way from now on, and a kill strike inside it."""
    story.stage("process-kill", member, "planned", {"target": story.proof(member)})
    op = story.writes(member, Outcome.INFO, there=there)
    story.stage("process-kill", member, "receipt", story.proof(member))
    story.waits(1)
    story.stage("process-kill", member, "healed", story.proof(member))
    return dict(op.value)


def again(story: Story, record: dict[str, Any], answer: int) -> None:
    story.waits(0.1)
    story.says(f"client/{record['writer']}", "write", record | {"answer": answer}, took=0.01)


def in_flight(story: Story) -> None:
    hung_write(story, 1)


def before_acknowledging(story: Story) -> None:
    again(story, hung_write(story, 1), 200)


def leader(story: Story) -> None:
    for ordinal in story.members:
        value = {"ordinal": ordinal, "question": "leader", "answer": "ledger-1\n"}
        story.says("probe/identity", "answer", value)
    hung_write(story, 1)


def another_took_it(story: Story) -> None:
    begins(story, "pod-delete", 1)
    story.writes(0)
    story.waits(0.1)
    story.stage("pod-delete", 1, "healed", {})


def cut_off_took_it(story: Story) -> None:
    begins(story, "partition", 1)
    story.writes(1)
    story.waits(0.1)
    story.stage("partition", 1, "healed", {})


def read_in_a_cut(story: Story) -> None:
    begins(story, "node-cut", 1)
    story.reads(2)
    story.waits(0.1)
    story.stage("node-cut", 1, "healed", {})


def name_asked(story: Story) -> None:
    begins(story, "pod-delete", 1)
    story.waits(0.1)
    story.resolves(1, [], since=story.at - 0.05)
    story.waits(0.1)
    story.stage("pod-delete", 1, "healed", {})


def all_gone(story: Story) -> None:
    for ordinal in story.members:
        story.goes(ordinal)


def elsewhere(story: Story) -> None:
    story.drifts("node-kill", 1, node="worker-9")


def two_at_once(story: Story) -> None:
    begins(story, "latency", 1)
    strikes(story, "disk-full", 2)
    story.stage("latency", 1, "healed", {})


def without_control_plane(story: Story) -> None:
    begins(story, "scheduler-stop", 0, steward="kube-scheduler")
    strikes(story, "process-kill", 2)
    story.stage("scheduler-stop", 0, "healed", {})


def between_revisions(story: Story) -> None:
    rolled(story, "one", "two")
    strikes(story, "process-kill", 2)
    rolled(story, "two", "two")


def rolled(story: Story, current: str, update: str) -> None:
    story.waits(0.1)
    value = {"event": "MODIFIED", "name": "ledger", "current": current, "update": update}
    story.says("watch/statefulsets", "set", value)
    story.waits(0.1)


def while_ending(story: Story) -> None:
    story.pod(1, "MODIFIED", deleting=True, ready=False)
    strikes(story, "process-kill", 2)
    story.pod(1, "DELETED")


def restored(story: Story) -> None:
    story.pod(2, "MODIFIED", deleting=True, ready=False)
    story.waits(1)
    story.says("recovery", "stage", {"stage": "restored", "ordinal": 1}, took=0.5)
    story.pod(2, "DELETED")


REACHES: dict[str, Callable[[Story], None]] = {
    "ended-with-writes-in-flight": in_flight,
    "killed-before-acknowledging": before_acknowledging,
    "leader-killed-with-writes-in-flight": leader,
    "acknowledged-while-one-was-down": another_took_it,
    "acknowledged-while-cut-off": cut_off_took_it,
    "read-while-one-was-cut-off": read_in_a_cut,
    "name-asked-while-gone": name_asked,
    "nobody-ready": all_gone,
    "came-back-elsewhere": elsewhere,
    "two-faults-at-once": two_at_once,
    "struck-without-control-plane": without_control_plane,
    "struck-in-a-rollout": between_revisions,
    "struck-while-terminating": while_ending,
    "restored-while-terminating": restored,
}


def test_every_state_has_a_run_that_reaches_it():
    assert list(REACHES) == list(SOMETIMES)
    assert all(row.sentence and row.name == name for name, row in SOMETIMES.items())


@pytest.mark.parametrize("name", SOMETIMES)
def test_a_run_in_which_it_happens_reaches_the_state_and_shows_the_op(name):
    story = deployed()
    REACHES[name](story)
    found = story.history()
    assert name in reached(found)
    assert found.ops[reached(found)[name]].index == reached(found)[name]


@pytest.mark.parametrize("name", SOMETIMES)
def test_the_same_ops_of_faults_that_never_took_effect_reach_nothing_that_needs_one(name):
    story = deployed()
    REACHES[name](story)
    story.ops = [op for op in story.ops if op.value.get("stage") != "receipt"]
    left = {"nobody-ready", "came-back-elsewhere", "restored-while-terminating"}
    assert set(reached(story.history())) <= left


@pytest.mark.parametrize("found", [History(()), Story().history(), deployed().history()])
def test_nothing_is_reached_where_nothing_happened(found):
    assert reached(found) == {}


def test_a_write_that_another_member_was_unsure_of_shows_no_kill():
    story = deployed()
    story.stage("process-kill", 1, "planned", {"target": story.proof(1)})
    story.writes(2, Outcome.INFO)
    story.stage("process-kill", 1, "receipt", story.proof(1))
    assert "ended-with-writes-in-flight" not in reached(story.history())


def test_a_record_that_had_to_be_stored_after_the_kill_was_not_there_before():
    story = deployed()
    again(story, hung_write(story, 1, there=False), 201)
    found = reached(story.history())
    assert "ended-with-writes-in-flight" in found
    assert "killed-before-acknowledging" not in found


def test_one_who_leads_by_the_word_of_a_minority_is_no_leader():
    story = deployed()
    value = {"ordinal": 1, "question": "leader", "answer": "ledger-1"}
    story.says("probe/identity", "answer", value)
    hung_write(story, 1)
    assert "leader-killed-with-writes-in-flight" not in reached(story.history())


def test_a_rollout_that_is_the_fault_itself_is_none_that_was_struck():
    story = deployed()
    rolled(story, "one", "two")
    strikes(story, "rolling-update", 0)
    rolled(story, "two", "two")
    assert reached(story.history()) == {}


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recorded_runs_reach_states_by_ops_that_they_have(path):
    found = history.read(path)
    assert all(found.ops[index].index == index for index in reached(found).values())


def test_the_recorded_runs_reach_what_their_names_say():
    def of(name: str) -> set[str]:
        return set(reached(history.read(RECORDED / f"good/{name}.jsonl")))

    assert "came-back-elsewhere" in of("moved")
    assert "nobody-ready" in of("set-deleted")
    assert of("class-tried") == set()


VALUES = st.dictionaries(
    st.sampled_from(["stage", "fault", "ordinal", "proof", "member", "name", "ready", "event"]),
    st.none()
    | st.integers(-1, 3)
    | st.sampled_from(["receipt", "healed", "ledger-1", "node-kill"]),
)
OPS = st.builds(
    Op,
    st.just("x"),
    st.sampled_from(["fault", "write", "read", "pod", "set", "dns", "stage", "answer"]),
    st.sampled_from(list(Outcome)),
    st.floats(0, 9),
    st.floats(0, 9),
    VALUES,
)


@settings(max_examples=50)
@given(st.lists(OPS, max_size=12))
def test_garbled_ops_reach_nothing_and_raise_nothing(ops):
    assert reached(History(tuple(ops))) == {}

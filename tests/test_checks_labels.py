"""identity.labels on told and recorded runs, and on good ones with one thing changed."""

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
NAME, INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def told(replicas: int = 3, first: int = 0) -> Story:
    story = Story({"pod-delete": [first]}, replicas=replicas, first=first)
    story.deploys()
    story.drifts("pod-delete", first)
    return story


def verdict(of: Story | History) -> Verdict:
    return checks.CHECKS["identity.labels"].check(of.history() if isinstance(of, Story) else of)


def relabelled(of: History, at: int, **labels: str | None) -> History:
    """Give the history with some labels of one sight of a pod replaced, or gone (None)."""
    names = {"name": NAME, "index": INDEX}
    new = {names[key]: value for key, value in labels.items()}

    def spoilt(op: Op) -> Op:
        if op.index != at:
            return op
        kept = {k: v for k, v in {**op.value["labels"], **new}.items() if v is not None}
        return replace(op, value={**op.value, "labels": kept})

    return History(tuple(map(spoilt, of.ops)))


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 9))
def test_labels_that_tell_the_ordinal_hold_wherever_the_set_begins_to_count(replicas, first):
    found = verdict(told(replicas, first))
    assert found.verdict is Standing.HOLDS
    assert found.figures["start"] == first
    assert found.figures["pods"] == replicas + 1


@settings(deadline=None)
@given(st.data(), st.sampled_from(["name", "index"]), st.sampled_from(["x", "7", "", None]))
def test_one_wrong_sight_of_any_pod_is_broken_and_is_the_evidence(data, label, said):
    run = told().history()
    index = data.draw(st.sampled_from([op.index for op in run.of("pod")]))
    found = verdict(relabelled(run, index, **{label: said}))
    assert (found.verdict, found.evidence) == (Standing.BROKEN, (index,))
    assert repr(said) in found.reason


def test_an_index_that_counts_from_nought_where_the_set_counts_from_five_is_broken():
    run = told(first=5).history()
    mark = next(op for op in run.of("pod") if op.value["name"] == "ledger-6")
    assert verdict(relabelled(run, mark.index, index="1")).verdict is Standing.BROKEN


def counted(story: Story, **spec: int) -> Story:
    value = {"event": "ADDED", "rv": 1, "name": "ledger", "uid": "s", **spec}
    story.says("watch/statefulsets", "set", value)
    return story


def test_pods_below_the_start_that_the_set_declares_are_broken():
    found = verdict(counted(told(first=0), start=5, replicas=3))
    assert found.verdict is Standing.BROKEN
    assert "counts from 5 to 7" in found.reason


def test_a_pod_above_the_last_is_broken_unless_the_set_asked_for_it():
    story = counted(told(), start=0, replicas=3)
    story.comes(3)
    assert verdict(story).verdict is Standing.BROKEN
    assert verdict(counted(story, start=0, replicas=4)).verdict is Standing.HOLDS


def test_another_set_decides_nothing():
    story = told()
    value = {"event": "ADDED", "rv": 1, "name": "other", "uid": "s", "start": 5, "replicas": 1}
    story.says("watch/statefulsets", "set", value)
    assert verdict(story).verdict is Standing.HOLDS


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (lambda op: op.what == "pod", "no pod of ordinal 0, 1, 2 was ever seen"),
        (lambda op: op.value.get("name") == "ledger-2", "no pod of ordinal 2 was ever seen"),
        (lambda op: op.value.get("stage") == "receipt", "no receipt for pod-delete of ordinal 0"),
        (lambda op: op.what == "plan", "the plan is missing"),
    ],
    ids=["pods", "one pod", "receipt", "plan"],
)
def test_what_was_not_seen_is_unknown(lost, said):
    found = verdict(without(told().history(), lost))
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, said)


def test_labels_that_nobody_wrote_down_are_unknown():
    run = told().history()
    bare = [
        replace(op, value={k: v for k, v in op.value.items() if k != "labels"}) for op in run.ops
    ]
    assert verdict(History(tuple(bare))).verdict is Standing.UNKNOWN


def test_lines_of_the_watch_that_a_crash_tore_leave_it_unknown():
    story = told()
    story.says("watch/pods", "gap", {"kind": "pod", "reason": "torn"})
    assert verdict(story).verdict is Standing.UNKNOWN


def test_a_gap_of_the_watch_hides_no_label_of_a_pod_that_was_seen():
    story = told()
    story.loses_sight("pod")
    assert verdict(story).verdict is Standing.HOLDS


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN

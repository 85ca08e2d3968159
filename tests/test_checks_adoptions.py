"""ordering.adopt on runs told by hand, and its live rogue on the fake API server."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Standing, Verdict
from seatrial.places import carried
from seatrial.testing import Ordered, fake_api

ADOPT = "ordering.adopt"


def verdict(of: Ordered | History) -> Verdict:
    run = of.history() if isinstance(of, Ordered) else of
    return checks.judge(run, [checks.CHECKS[ADOPT]])[0]


def orphaned(replicas: int = 3) -> Ordered:
    story = Ordered({"set-orphan": [0]}, replicas=replicas)
    story.deploys()
    story.orphans()
    return story


def adopted(replicas: int = 3) -> Ordered:
    story = orphaned(replicas)
    story.adopts(range(replicas))
    story.adopted()
    return story


def missed() -> Ordered:
    """Tell a run in which the new set never owns the last pod."""
    story = orphaned()
    story.adopts([0, 1])
    story.waits(30)
    story.gives_up("set-orphan")
    return story


@given(st.integers(1, 6))
def test_orphans_that_are_adopted_as_they_are_hold(replicas):
    found = verdict(adopted(replicas))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"orphanings": 1, "adopted": replicas, "seconds": [0.1]}


def test_an_orphan_that_is_never_adopted_is_broken():
    found = verdict(missed())
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 was not adopted within 30 s" in found.reason


def test_an_orphan_that_had_too_little_time_is_unknown():
    story = orphaned()
    story.adopts([0, 1])
    story.waits(3)
    story.gives_up("set-orphan")
    assert verdict(story).verdict is Standing.UNKNOWN


def test_an_orphan_that_is_replaced_is_broken():
    story = orphaned()
    story.goes(1)
    story.comes(1)
    story.adopts([0, 2])
    story.adopted()
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was ended, not adopted" in found.reason


@pytest.mark.parametrize("changed", [{"restarts": 1}, {"containers": {"ledger": "another"}}])
def test_an_orphan_that_is_restarted_is_broken(changed):
    story = orphaned()
    story.adopts(range(3))
    story.pod(1, "MODIFIED", **changed)
    story.adopted()
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was restarted" in found.reason


@pytest.mark.parametrize("late", [False, True])
def test_an_orphan_that_is_let_go_again_is_broken(late):
    story = orphaned()
    story.adopts(range(3))
    if late:
        story.adopted()
    story.pod(1, "MODIFIED", owner="")
    if not late:
        story.adopted()
    assert "let go again" in verdict(story).reason


def test_what_a_later_fault_does_to_its_owner_is_no_letting_go():
    story = orphaned()
    story.adopts(range(3))
    story.adopted()
    story.stage("set-delete", 0, "planned", {"target": story.proof(0)})
    story.pod(1, "MODIFIED", owner="")
    assert verdict(story).verdict is Standing.HOLDS


def test_a_set_that_was_not_made_again_is_unknown():
    story = Ordered({"set-orphan": [0]})
    story.deploys()
    story.orphans()
    story.ops = [op for op in story.ops if op.value.get("uid") != "set-2"]
    story.gives_up("set-orphan")
    assert "made again" in verdict(story).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "pod" and not op.value["owner"],
        lambda op: op.what == "set",
    ],
    ids=["faults", "receipt", "plan", "pods", "orphans", "sets"],
)
@pytest.mark.parametrize("tell", [adopted, missed])
def test_adoption_without_its_evidence_is_unknown(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("kind", ["pod", "set"])
@pytest.mark.parametrize("tell", [adopted, missed])
def test_adoption_under_a_gap_is_unknown(tell, kind):
    story = tell()
    story.loses_sight(kind)
    assert verdict(story).verdict is Standing.UNKNOWN


@given(st.data())
def test_a_good_adoption_with_any_other_ops_missing_is_never_broken(data):
    run = adopted().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = tuple(op for op in run.ops if op.index not in missing or op.what == "pod")
    assert verdict(History(rest)).verdict is not Standing.BROKEN


def test_the_rogue_takes_the_label_off_orphans_alone():
    program = carried("fixtures") / "rogues" / "unlabelled-orphans" / "manifests" / "cleaner.py"
    mine, owner = {"app": "ledger"}, [{"uid": "1"}]
    with fake_api() as api:
        api.put("pods", "owned", "x", metadata={"labels": mine, "ownerReferences": owner})
        api.put("pods", "free", "x", metadata={"labels": mine})
        env = {**os.environ, "KUBERNETES_API": api.host, "NAMESPACE": "x"}
        argv = [sys.executable, "-B", "-u", str(program)]
        with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            assert child.stdout.readline() == "took app off free\n"
            api.put("pods", "owned", "x", metadata={"ownerReferences": []})
            assert child.stdout.readline() == "took app off owned\n"
            child.kill()
        assert [pod["metadata"]["labels"] for pod in api.of("pods").values()] == [{}, {}]

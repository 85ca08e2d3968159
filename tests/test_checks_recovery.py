"""recovery.six-stages on runs told by hand: one good, and each defect planted in it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

SIX = "recovery.six-stages"


@dataclass
class Loss(Story):
    """A run in which the node of ordinal 1 is lost; `kept` are snapshots and what each holds."""

    kept: dict[str, list[list[Any]]] = field(default_factory=dict)

    def nodes(self, uid: str = "first") -> None:
        self.rv += 1
        value = {"event": "ADDED", "rv": self.rv, "name": "worker-1", "uid": f"{uid}-worker-1"}
        self.says("watch/nodes", "node", value)

    def served(self, count: int = 3) -> None:
        for _ in range(count):
            for member in range(3):
                self.writes(member)

    def staged(
        self, stage: str, took: float = 1.0, outcome: Outcome = Outcome.OK, **v: Any
    ) -> None:
        self.waits(took)
        self.says("recovery", "stage", {"stage": stage, "ordinal": 1, **v}, outcome, took=took)

    def backs_up(self, snapshot: str, outcome: Outcome = Outcome.OK) -> None:
        self.waits(2)
        self.kept[snapshot] = list(self.held[1])
        mark = {writer: [seq, crc] for writer, seq, crc, _ in self.held[1]}
        value = {"ordinal": 1, "snapshot": snapshot, "bytes": 1, "files": 1, "watermark": mark}
        self.says("backup/1", "backup", value, outcome, took=2)

    def is_lost(self) -> None:
        self.stage("node-lost", 1, "planned", {"target": self.proof(1)})
        self.staged("lost", 3, node=self.pods[1]["node"])
        self.stage("node-lost", 1, "receipt", {**self.proof(1), "witness": "no container"})

    def clears(self) -> None:
        self.goes(1)
        self.claim(1, "DELETED", deleting=True)
        del self.claims[1]
        self.staged("cleared", 2)

    def comes_back(self, snapshot: str, node: str = "worker-2") -> None:
        self.comes(1, node=node)
        self.staged("rescheduled", 2, node=node)
        self.held[1] = list(self.kept[snapshot])
        writer, seq, crc, _ = self.held[1][-1]
        self.chains[writer] = seq, crc
        self.staged("restored", 4, snapshot=snapshot)

    def serves(self) -> None:
        self.staged("serving", 1)
        self.stage("node-lost", 1, "healed", self.proof(1))

    def ends(self) -> Verdict:
        self.served()
        self.phase("final")
        for member in range(3):
            self.reads(member)
        return checks.CHECKS[SIX].check(self.history())


def begun(bounds: dict[str, dict[str, float]] | None = None) -> Loss:
    """Tell up to the loss: two backups, and three writes after the newest."""
    run = Loss({"node-lost": [1]}, bounds=bounds or {})
    run.nodes()
    run.deploys()
    run.served()
    run.backs_up("old")
    run.served()
    run.phase("fault")
    run.backs_up("new")
    run.staged("backup", 2, snapshot="new")
    run.served()
    return run


def recovered(snapshot: str = "new", node: str = "worker-2") -> Loss:
    run = begun()
    run.is_lost()
    run.clears()
    run.comes_back(snapshot, node)
    run.serves()
    return run


def test_six_stages_with_the_newest_snapshot_hold_and_what_was_lost_is_counted():
    run = recovered()
    found = run.ends()
    assert found.verdict is Standing.HOLDS, found.reason
    first = next(op for op in run.ops if op.what == "write" and op.value["seq"] == 7)
    receipt = next(op for op in run.ops if op.value.get("stage") == "receipt")
    assert found.figures["rpo_records"] == 3
    lost = next(
        op
        for op in run.ops
        if (op.what, op.value.get("member")) == ("write", 1) and op.value["seq"] == 7
    )
    assert first.completed < lost.completed
    assert found.figures["rpo_seconds"] == pytest.approx(receipt.completed - lost.completed)
    seconds = {name: value for name, value in found.figures.items() if name.endswith("_seconds")}
    del seconds["rpo_seconds"]
    assert seconds == {
        "backup_seconds": 2.0,
        "lost_seconds": 3.0,
        "cleared_seconds": 2.0,
        "rescheduled_seconds": 2.0,
        "restored_seconds": 4.0,
        "serving_seconds": 1.0,
        "rto_seconds": 3 + 1 + 2 + 2 + 2 + 4 + 1.0,
    }


def test_an_older_snapshot_is_broken():
    found = recovered("old").ends()
    assert found.verdict is Standing.BROKEN
    assert "snapshot old was restored, the newest complete one is new" in found.reason


def test_a_newer_backup_that_nobody_knows_to_be_complete_need_not_be_restored():
    run = begun()
    run.backs_up("torn", Outcome.INFO)
    run.is_lost()
    run.clears()
    run.comes_back("new")
    run.serves()
    assert run.ends().verdict is Standing.HOLDS


def test_restoring_one_that_nobody_knows_to_be_complete_is_unknown():
    run = begun()
    run.backs_up("torn", Outcome.INFO)
    run.is_lost()
    run.clears()
    run.comes_back("torn")
    run.serves()
    assert run.ends().verdict is Standing.UNKNOWN


@pytest.mark.parametrize("snapshot", ["new", "just"])
def test_a_backup_that_ended_while_the_node_was_lost_may_count_or_not(snapshot):
    run = begun()
    run.stage("node-lost", 1, "planned", {"target": run.proof(1)})
    run.backs_up("just")
    run.staged("lost", 3)
    run.stage("node-lost", 1, "receipt", run.proof(1))
    run.clears()
    run.comes_back(snapshot)
    run.serves()
    assert run.ends().verdict is Standing.HOLDS


def test_a_snapshot_that_no_backup_made_is_broken():
    run = begun()
    run.kept["foreign"] = run.kept["new"]
    run.is_lost()
    run.clears()
    run.comes_back("foreign")
    run.serves()
    assert run.ends().verdict is Standing.BROKEN


def test_a_snapshot_made_after_the_loss_is_broken():
    run = begun()
    run.is_lost()
    run.clears()
    run.backs_up("of an empty disk")
    run.comes_back("of an empty disk")
    run.serves()
    assert run.ends().verdict is Standing.BROKEN


def test_a_watermark_that_nobody_acknowledged_must_come_back_as_well():
    run = begun()
    run.writes(1, Outcome.INFO)
    run.backs_up("newer")
    run.is_lost()
    run.clears()
    run.comes_back("newer")
    run.serves()
    del run.held[1][-1]
    found = run.ends()
    assert found.verdict is Standing.BROKEN
    assert "watermark" in found.reason


def test_a_stage_that_is_told_once_more_counts_when_it_first_was():
    run = recovered()
    run.waits(100)
    run.staged("serving", 1)
    assert run.ends().figures["rto_seconds"] == 15.0


@pytest.mark.parametrize("place", [0, 2, 5], ids=["first", "middle", "watermark"])
def test_a_write_of_the_backup_that_is_missing_is_broken(place):
    run = recovered()
    del run.held[1][place]
    assert run.ends().verdict is Standing.BROKEN


def test_a_write_of_the_backup_that_came_back_altered_is_broken():
    run = recovered()
    writer, seq, crc, previous = run.held[1][2]
    run.held[1][2] = [writer, seq, crc + 1, previous]
    assert run.ends().verdict is Standing.BROKEN


def test_a_ledger_that_calls_itself_corrupt_is_broken():
    run = recovered()
    run.ends()
    run.reads(1, corrupt=["line 4: no record"])
    assert checks.CHECKS[SIX].check(run.history()).verdict is Standing.BROKEN


def test_the_node_that_was_lost_is_no_place_to_come_back_to():
    run = recovered(node="worker-1")
    run.nodes()
    found = run.ends()
    assert found.verdict is Standing.BROKEN
    assert "worker-1 again, the node that was lost" in found.reason


def test_a_watch_of_nodes_that_ended_before_the_pod_came_cannot_accuse_its_node():
    found = recovered(node="worker-1").ends()
    assert found.verdict is Standing.UNKNOWN
    assert "whether node worker-1 was made again" in found.reason


def test_the_node_made_again_is_another_node():
    run = begun()
    run.is_lost()
    run.nodes("second")
    run.clears()
    run.comes_back("new", "worker-1")
    run.serves()
    assert run.ends().verdict is Standing.HOLDS


def test_a_node_made_again_before_the_pod_came_may_be_told_of_after_it():
    run = begun()
    run.is_lost()
    run.clears()
    run.rv += 1
    version = run.rv
    run.comes_back("new", "worker-1")
    told = {"event": "ADDED", "rv": version, "name": "worker-1", "uid": "second-worker-1"}
    run.says("watch/nodes", "node", told)
    run.serves()
    found = run.ends()
    assert found.verdict is Standing.HOLDS, found.reason


def test_a_node_that_nobody_watched_may_be_the_lost_one():
    run = recovered(node="worker-1")
    run.ends()
    rest = [op for op in run.history().ops if op.what != "node"]
    assert checks.CHECKS[SIX].check(History(tuple(rest))).verdict is Standing.UNKNOWN


def edited(run: Loss, stage: str, edit: Callable[[Op], Op | None]) -> Verdict:
    """Judge a run with one stage's Op changed or gone."""
    run.ends()
    ops = [
        edit(op) if (op.what, op.value.get("stage")) == ("stage", stage) else op
        for op in run.history().ops
    ]
    return checks.CHECKS[SIX].check(History(tuple(op for op in ops if op)))


STAGES = ["backup", "lost", "cleared", "rescheduled", "restored", "serving"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_was_not_seen_is_unknown_and_named(stage):
    found = edited(recovered(), stage, lambda _: None)
    assert found.verdict is Standing.UNKNOWN
    assert f"stage {stage} after" in found.reason


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_which_nobody_knows_is_as_unseen(stage):
    found = edited(recovered(), stage, lambda op: replace(op, outcome=Outcome.INFO))
    assert found.verdict is Standing.UNKNOWN


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_of_another_ordinal_is_broken(stage):
    found = edited(recovered(), stage, lambda op: replace(op, value={**op.value, "ordinal": 2}))
    assert found.verdict is Standing.BROKEN
    assert "of ordinal 2" in found.reason


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_that_says_it_failed_is_broken(stage):
    value = {"note": "no node fits its affinity"}
    found = edited(
        recovered(),
        stage,
        lambda op: replace(op, outcome=Outcome.FAIL, value={**op.value, **value}),
    )
    assert found.verdict is Standing.BROKEN
    assert "no node fits" in found.reason


def test_serving_before_it_was_restored_is_broken():
    found = edited(recovered(), "serving", lambda op: replace(op, completed=op.completed - 2))
    assert found.verdict is Standing.BROKEN
    assert "serving was over before restored" in found.reason


def test_another_pod_that_came_instead_is_broken():
    run = begun()
    run.is_lost()
    run.clears()
    run.comes_back("new")
    run.staged("serving", 1)
    run.stage("node-lost", 1, "healed", run.proof(2))
    found = run.ends()
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 came, wanted ledger-1" in found.reason


def stuck(within: float) -> Loss:
    """Tell a run whose pod may only live on the node that was lost."""
    run = begun({SIX: {"within": within}})
    run.is_lost()
    run.clears()
    run.waits(60)
    return run


def test_not_serving_within_the_bound_is_broken_once_that_long_was_seen():
    assert stuck(within=30).ends().verdict is Standing.BROKEN
    assert stuck(within=300).ends().verdict is Standing.UNKNOWN


def test_serving_too_late_is_broken():
    run = stuck(within=30)
    run.comes_back("new")
    run.serves()
    found = run.ends()
    assert found.verdict is Standing.BROKEN
    assert "not serving 30 s after" in found.reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.value.get("stage") == "healed",
        lambda op: op.what == "backup",
        lambda op: op.what == "read",
        lambda op: op.what == "read" and op.value["member"] == 1,
        lambda op: op.what == "pod",
        lambda op: op.what == "write",
        lambda op: op.what == "plan",
    ],
    ids=["fault", "receipt", "healing", "backups", "reads", "read", "pods", "writes", "plan"],
)
def test_without_its_evidence_it_is_unknown(lost):
    run = recovered()
    run.ends()
    rest = tuple(op for op in run.history().ops if not lost(op))
    judged = checks.judge(History(rest), [checks.CHECKS[SIX]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


def test_a_driver_that_was_lost_is_unknown():
    run = recovered()
    run.says("driver", "driver", {"event": "lost", "node": "d", "note": "gone"})
    assert run.ends().verdict is Standing.UNKNOWN


@given(st.integers(0, 8), st.integers(0, 8))
def test_exactly_what_was_acknowledged_after_the_watermark_is_lost(covered, after):
    run = Loss({"node-lost": [1]})
    run.nodes()
    run.deploys()
    run.served(covered + 1)
    run.backs_up("new")
    run.staged("backup", 2, snapshot="new")
    run.served(after)
    run.is_lost()
    run.clears()
    run.comes_back("new")
    run.serves()
    found = run.ends()
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["rpo_records"] == after
    assert (found.figures["rpo_seconds"] > 0) is (after > 0)


def test_two_losses_of_one_member_are_each_judged_by_their_own_backup():
    run = recovered()
    run.faults = {"node-lost": [1, 1]}
    run.served()
    run.backs_up("newest")
    run.staged("backup", 2, snapshot="newest")
    run.served(2)
    run.is_lost()
    run.clears()
    run.comes_back("newest", "worker-0")
    run.serves()
    found = run.ends()
    assert found.verdict is Standing.HOLDS, found.reason
    assert (found.figures["losses"], found.figures["rpo_records"]) == (2, 5)


def test_a_lost_pod_that_is_still_there_when_its_node_is_healed_accuses_nobody():
    run = begun()
    run.is_lost()
    run.nodes("second")
    run.stage("node-lost", 1, "healed", run.proof(1))
    found = run.ends()
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "stage cleared, rescheduled, restored, serving after node-lost of ordinal 1 was not seen"
    )


def drill(run: Loss, trouble: str) -> Verdict:
    value = {"status": "completed", "deviated": False, "activities": [], "trouble": trouble}
    run.says("chaos", "experiment", value)
    return run.ends()


def test_a_drill_that_went_otherwise_than_its_experiment_wants_is_never_holds():
    assert drill(recovered(), "").verdict is Standing.HOLDS
    found = drill(recovered(), "afterwards, 'every member acknowledges writes' was not so")
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "in the drill afterwards, 'every member acknowledges writes' was not so"
    )


def test_why_a_drill_stopped_stands_beside_what_was_not_seen():
    run = Loss({"node-lost": [1]})
    run.deploys()
    found = drill(run, "'a backup' failed: the store is away")
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "no receipt for node-lost of ordinal 1; in the drill 'a backup' failed: the store is away"
    )


def test_trouble_of_the_drill_hides_nothing_that_is_broken():
    found = drill(recovered("old"), "'a probe' was not so")
    assert found.verdict is Standing.BROKEN
    assert "snapshot old was restored" in found.reason


def test_what_passes_before_the_clearing_is_split_where_it_was_seen():
    run = Loss({"node-lost": [1]})
    run.deploys()
    run.nodes()
    run.is_lost()
    run.waits(8)
    gone = {"event": "MODIFIED", "rv": 900, "name": "worker-1", "uid": "u", "ready": False}
    run.says("watch/nodes", "node", gone)
    run.waits(2)
    asked = {"event": "ADDED", "resource": "restores.recovery.seatrial.dev/v1", "name": "r"}
    run.says("watch/custom", "custom", asked)
    figures = checks.CHECKS[SIX].check(run.history()).figures
    assert figures["noticed_seconds"] == pytest.approx(8)
    assert figures["decided_seconds"] == pytest.approx(2)

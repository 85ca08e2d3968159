"""A fault of the leader: stated before, aimed at whom most members name then, else unknown."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import arming, blast, checks, plan, profiles, triggers
from seatrial.arming import armed
from seatrial.checks.drifts import no_receipt
from seatrial.cli.trial import known_faults
from seatrial.errors import BadInput, CannotRun, ToolFailed
from seatrial.leaders import leader, met
from seatrial.model import History, Op, Outcome, PlannedFault
from seatrial.testing import Kept

ETCD, LEDGER = (profiles.load(name, known=checks.CHECKS) for name in ("etcd", "ledger"))
REST: Any = {"shape": "s", "timing": "fast", "kubernetes": "", "command": "c"}


@dataclass
class Live:
    """Three members, each of which says who leads; None is one that cannot be asked."""

    says: list[str | None]
    profile: Any = ETCD
    recorder: Kept = field(default_factory=Kept)
    told: list[tuple[str, int]] = field(default_factory=list)
    everybody = range(3)

    @property
    def job(self) -> Any:
        return SimpleNamespace(profile=self.profile)

    @property
    def alive(self) -> Any:
        kube = SimpleNamespace(run=lambda _, name, *__: self._said(int(name)))
        return SimpleNamespace(
            kube=kube,
            member=lambda n: SimpleNamespace(metadata=SimpleNamespace(namespace="x", name=str(n))),
            until_ready=lambda: None,
        )

    def _said(self, ordinal: int) -> str:
        if (said := self.says[ordinal]) is None:
            raise ToolFailed("an answer", seen="nobody there")
        return said

    @contextmanager
    def broken(self, fault: str, ordinal: int) -> Any:
        self.told.append((fault, ordinal))
        yield {}

    def ask(self, ordinals: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("says", "found"),
    [
        (["etcd-1\n", "etcd-1", "etcd-1"], 1),
        (["2", "2", None], 2),
        (["etcd-0 term 3", "etcd-2 term 4", "etcd-2 term 4"], 2),
    ],
)
def test_the_leader_is_whom_most_of_all_members_name(says, found):
    live: Any = Live(says)
    assert (leader(live), met(live, "leader"), met(live, 1)) == (found, found, 1)
    op, _ = live.recorder.of("role")
    assert (op.outcome, op.value["ordinal"]) == (Outcome.OK, found)
    assert op.value["named"] == {
        str(n): int(s.removeprefix("etcd-")[0])
        for n, s in enumerate(map(str.strip, filter(None, says)))
    }


@pytest.mark.parametrize(
    "says",
    [["", "", ""], [None] * 3, ["etcd-1", None, None], ["0", "1", "2"], ["7"] * 3, ["0", "1", ""]],
)
def test_without_a_majority_for_one_member_nobody_leads_and_that_is_told(says):
    live: Any = Live(says)
    with pytest.raises(CannotRun, match="a leader that most members name"):
        leader(live)
    (op,) = live.recorder.of("role")
    assert (op.outcome, op.value["ordinal"]) == (Outcome.INFO, -1)


def planned(*faults: str, profile: Any = ETCD, seed: int = 1) -> Any:
    return plan.planned(profile, [], seed=seed, faults=faults, **REST)


@given(st.integers(0, 99), st.sampled_from(["leader", "writes=200+leader"]), st.integers(1, 3))
def test_a_plan_names_the_role_and_no_ordinal_and_its_radius_says_so(seed, word, rounds):
    made = planned(f"node-kill:{rounds}@{word}", "pod-delete", seed=seed)
    (aimed,) = [fault for fault in made.faults if fault.fault == "node-kill"]
    assert aimed == PlannedFault("node-kill", (), word, "leader", rounds)
    assert triggers.victims(aimed) == ("leader",) * rounds
    assert triggers.waits(aimed) is (word != "leader")
    told = blast.said(made.radius)
    assert "node-kill of the leader, whoever that is then" in told
    assert "pod-delete of the" not in told
    assert made.radius.nodes == 1
    (bound,) = [one for one in asdict(made.radius)["each"] if one["fault"] == "node-kill"]
    assert (bound["role"], bound["nodes"], bound["pods"]) == ("leader", 1, 1)


def test_what_waits_for_its_load_is_counted_beside_the_others():
    apart, beside = (
        planned(f"node-kill@{word}", "pod-delete") for word in ("leader", "writes=9+leader")
    )
    assert (apart.radius.pods, beside.radius.pods) == (1, 2)


@pytest.mark.parametrize(
    ("fault", "profile", "seen"),
    [
        ("node-kill@leader", LEDGER, "a profile that says who leads"),
        ("pods-delete@leader", ETCD, "a fault of one member"),
        ("rolling-update@writes=9+leader", ETCD, "a fault of one member"),
    ],
)
def test_a_fault_that_cannot_be_aimed_is_refused_before_anything_is_touched(fault, profile, seen):
    assert known_faults([fault]) == (fault,)
    for refused in (plan.demand_aims, lambda p, faults: planned(*faults, profile=p)):
        with pytest.raises(BadInput, match=seen):
            refused(profile, [fault])


def test_a_fault_with_a_load_and_a_role_hits_whoever_leads_when_it_fires(monkeypatch):
    live: Any = Live(["0", "0", "0"])

    def elected(*_: Any) -> None:
        live.says = ["2", "2", "2"]

    monkeypatch.setattr(arming, "_wait", elected)
    with armed(live, [PlannedFault("process-kill", (), "writes=200+leader", "leader")]):
        pass
    assert live.told == [("process-kill", 2)]
    (op,) = live.recorder.of("trigger")
    assert op.value["trigger"] == "writes=200+leader"


def history(*receipts: tuple[str, int], faults: Any) -> History:
    head = Op("run", "plan", Outcome.OK, 0, 0, {"plan": {"faults": [asdict(f) for f in faults]}})
    told: Any = {"stage": "receipt", "proof": {}}
    ops = [
        Op("f", "fault", Outcome.OK, 1, 1, {"fault": f, "ordinal": n, **told}) for f, n in receipts
    ]
    return History(tuple(replace(op, index=n) for n, op in enumerate([head, *ops])))


TWICE = PlannedFault("node-kill", (1,), "leader", "leader", 2)


@pytest.mark.parametrize(
    ("receipts", "lacking"),
    [
        ([], "node-kill of ordinal 1, node-kill of the leader, node-kill of the leader"),
        ([1], "node-kill of the leader, node-kill of the leader"),
        ([0, 2], "node-kill of ordinal 1"),
        ([1, 1], "node-kill of the leader"),
        ([1, 0, 2], ""),
        ([2, 1, 1], ""),
    ],
)
def test_a_role_that_nobody_was_met_in_lacks_its_receipt(receipts, lacking):
    found = history(*(("node-kill", n) for n in receipts), faults=[TWICE])
    assert no_receipt(found) == (lacking and f"no receipt for {lacking}")
    other = history(*(("pod-delete", n) for n in receipts), faults=[TWICE])
    assert no_receipt(other).count("node-kill") == 3

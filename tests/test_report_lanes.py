"""The lanes say what each member, claim and node was doing, from the Ops alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import history
from seatrial.model import History, Json, Op, Outcome
from seatrial.report.breaks import breaks
from seatrial.report.lanes import MOST_LANES, Bar, lanes

SAMPLE = Path(__file__).parent / "histories" / "sample-run"


Said = tuple[str, float, dict[str, Json]]


def told(*said: Said) -> History:
    ops = [
        Op("watch", what, Outcome.OK, when, when, value, index=index)
        for index, (what, when, value) in enumerate(said)
    ]
    return History(tuple(sorted(ops, key=lambda op: op.completed)))


def pod(
    rv: int,
    when: float,
    event: str = "MODIFIED",
    name: str = "db-0",
    uid: str = "a",
    phase: str = "Running",
    node: str = "n1",
    **more: bool,
) -> Said:
    value = {"event": event, "rv": rv, "name": name, "uid": uid, "phase": phase, "node": node}
    return "pod", when, {**value, "ready": False, "deleting": False, **more}


def claim(
    rv: int,
    when: float,
    uid: str = "c",
    volume: str = "pvc-1",
    phase: str = "Bound",
    event: str = "MODIFIED",
) -> Said:
    value = {"event": event, "rv": rv, "name": "data-db-0", "uid": uid, "deleting": False}
    return "claim", when, {**value, "volume": volume, "phase": phase}


def fault(when: float, stage: str, ordinal: int = 0, **proof: Json) -> Said:
    return (
        "fault",
        when,
        {"fault": "pod-delete", "ordinal": ordinal, "stage": stage, "proof": proof},
    )


def spans(bars: tuple[Bar, ...], lane: str) -> list[tuple[float, float, str]]:
    return [(bar.start, bar.end, bar.state) for bar in bars if bar.lane == lane]


def test_a_pod_goes_from_pending_to_ready_to_terminating_to_gone():
    found = lanes(
        told(
            pod(1, 1.0, "ADDED", phase="Pending", node=""),
            pod(2, 2.0),
            pod(3, 3.0, ready=True),
            pod(4, 6.0, ready=True, deleting=True),
            pod(5, 7.0, "DELETED", deleting=True),
            pod(6, 9.0, "ADDED", uid="b", phase="Pending", node=""),
        )
    )
    assert spans(found.bars, "db-0") == [
        (1.0, 2.0, "pending"),
        (2.0, 3.0, "not ready"),
        (3.0, 6.0, "ready"),
        (6.0, 7.0, "terminating"),
        (9.0, 9.0, "pending"),
    ]


def test_incarnations_of_one_member_share_its_lane_and_are_numbered():
    found = lanes(
        told(pod(1, 1.0), pod(2, 2.0, "DELETED"), pod(3, 3.0, uid="b"), pod(4, 5.0, uid="b"))
    )
    assert [(bar.label, bar.thing) for bar in found.bars] == [
        ("pod 1 on n1", "a"),
        ("pod 2 on n1", "b"),
    ]


def test_order_is_by_resource_version_and_not_by_arrival():
    found = lanes(told(pod(3, 1.0, ready=True), pod(2, 1.5), pod(9, 8.0, ready=True)))
    assert spans(found.bars, "db-0") == [(1.0, 8.0, "ready")]


def test_equal_neighbours_are_one_bar():
    found = lanes(told(*(pod(rv, float(rv), ready=True) for rv in range(1, 50))))
    assert len(found.bars) == 1


@pytest.mark.parametrize(("phase", "state"), [("Failed", "stopped"), ("Succeeded", "stopped")])
def test_a_pod_that_ended_by_itself_is_stopped(phase, state):
    assert lanes(told(pod(1, 1.0, phase=phase))).bars[0].state == state


def test_a_claim_made_anew_is_a_new_bar_that_names_its_volume():
    volume = "volume", 0.5, {"rv": 1, "name": "pvc-1", "uid": "11111111-2222", "claim": "c"}
    found = lanes(
        told(volume, claim(2, 1.0), claim(3, 4.0, event="DELETED"), claim(4, 5.0, uid="d"))
    )
    assert [(bar.label, bar.start) for bar in found.bars] == [
        ("claim c → volume 11111111", 1.0),
        ("claim d → volume 11111111", 5.0),
    ]


def test_a_lost_claim_is_shown_as_lost():
    assert lanes(told(claim(1, 1.0, phase="Lost"))).bars[0].state == "lost"


def test_only_a_node_that_was_not_ready_gets_a_lane():
    nodes = [
        ("node", when, {"rv": rv, "event": "MODIFIED", "name": name, "uid": name, "ready": ready})
        for rv, when, name, ready in [(1, 0, "n1", True), (2, 0, "n2", True), (3, 4, "n2", False),
                                      (4, 6, "n2", True)]
    ]  # fmt: skip
    found = lanes(told(*nodes))
    assert found.lanes == ("node n2",)
    assert spans(found.bars, "node n2") == [
        (0, 4, "ready"),
        (4, 6, "not ready"),
        (6, 6, "ready"),
    ]


def node(rv: int, when: float, event: str, uid: str, *, ready: bool) -> Said:
    return "node", when, {"rv": rv, "event": event, "name": "n1", "uid": uid, "ready": ready}


def loses(when: float, stage: str, fault: str = "node-lost") -> Said:
    value = {"fault": fault, "ordinal": 0, "stage": stage, "proof": {"pod": "db-0", "node": "n1"}}
    return "fault", when, value


LOST = [
    node(1, 0.0, "ADDED", "a", ready=True),
    loses(3.0, "receipt"),
    # the API goes on calling it ready, then not, then forgets it
    node(2, 4.0, "MODIFIED", "a", ready=True),
    node(3, 6.0, "MODIFIED", "a", ready=False),
]


def test_a_lost_node_is_gone_from_the_receipt_until_another_one_joins_under_its_name():
    joins = node(5, 12.0, "ADDED", "b", ready=False), node(6, 13.0, "MODIFIED", "b", ready=True)
    deleted = node(4, 8.0, "DELETED", "a", ready=False)
    found = lanes(told(*LOST, deleted, *joins, ("phase", 20.0, {"name": "final"})))
    assert spans(found.bars, "node n1") == [
        (0.0, 3.0, "ready"),
        (3.0, 12.0, "gone"),
        (12.0, 13.0, "not ready"),
        (13.0, 20.0, "ready"),
    ]


def test_a_lost_node_that_comes_back_with_the_same_uid_is_gone_until_it_is_ready_again():
    found = lanes(told(*LOST, node(4, 9.0, "MODIFIED", "a", ready=True), loses(11.0, "healed")))
    assert spans(found.bars, "node n1")[1:] == [(3.0, 9.0, "gone"), (9.0, 11.0, "ready")]


def test_a_history_that_ends_while_a_node_is_lost_shows_it_gone_to_its_end():
    found = lanes(told(*LOST, ("gap", 9.0, {"reason": "killed"})))
    assert spans(found.bars, "node n1")[-1] == (3.0, 9.0, "gone")


def test_a_node_that_was_deleted_without_a_fault_is_gone_too():
    found = lanes(
        told(
            node(1, 0.0, "ADDED", "a", ready=True),
            node(2, 5.0, "DELETED", "a", ready=True),
            node(3, 7.0, "ADDED", "b", ready=True),
        )
    )
    assert (5.0, 7.0, "gone") in spans(found.bars, "node n1")


def test_a_node_hit_by_a_fault_has_a_lane_although_the_api_never_noticed():
    ready = node(1, 0.0, "ADDED", "a", ready=True)
    assert lanes(told(ready, loses(3.0, "receipt", "node-stop"))).lanes == ("node n1",)
    assert lanes(told(ready, loses(3.0, "receipt", "pod-delete"))).lanes == ()


def test_pods_and_claims_of_others_come_after_all_that_is_the_sets():
    head = {"profile": {"set": "db", "claim_templates": ["data"]}}
    others = [
        pod(rv, 1.0, name=name, uid=name)
        for rv, name in enumerate(("a-driver", "db-store-7c-x2", "zb-0"), 2)
    ]
    theirs = "claim", 1.0, {**claim(9, 1.0)[2], "name": "store", "uid": "s"}
    found = lanes(told(("plan", 0.0, head), *others, theirs, claim(3, 1.0), pod(8, 1.0)))
    assert found.lanes == (
        "db-0", "claim data-db-0", "a-driver", "db-store-7c-x2", "zb-0", "claim store",
    )  # fmt: skip


def test_ordinals_are_ordered_as_numbers_and_members_come_before_claims():
    found = lanes(
        told(claim(1, 1.0), *(pod(2, 1.0, name=f"db-{n}", uid=str(n)) for n in (10, 9, 1)))
    )
    assert found.lanes == ("db-1", "db-9", "db-10", "claim data-db-0")


def test_gaps_and_phases_lie_above_the_members():
    phase = "phase", 1.0, {"name": "deploy"}
    gap = "gap", 2.0, {"reason": "torn"}
    assert lanes(told(phase, gap, pod(1, 3.0))).lanes == ("the trial", "not seen", "db-0")


def test_more_lanes_than_fit_are_counted():
    many = lanes(told(*(pod(n, 1.0, name=f"db-{n}", uid=str(n)) for n in range(1, 100))))
    assert len(many.lanes) == MOST_LANES
    assert many.hidden == 99 - MOST_LANES


def test_nodes_are_called_by_what_tells_them_apart():
    found = lanes(told(pod(1, 1.0, node="trial-x-worker"), pod(2, 2.0, node="trial-x-worker2")))
    assert [bar.label for bar in found.bars] == ["pod 1 on worker", "pod 1 on worker2"]


def test_a_history_without_ops_has_no_lanes():
    assert lanes(History(())).empty


def test_a_break_reaches_from_its_first_stage_to_its_healing():
    (one,) = breaks(
        told(
            fault(1.0, "planned", target={"pod": "db-0"}),
            fault(3.0, "receipt", uid="a"),
            fault(8.0, "healed", uid="b"),
        )
    )
    assert (one.target, one.start, one.received, one.healed) == ("db-0", 1.0, 3.0, 8.0)
    assert one.standing == "took effect, healed"


def test_a_break_without_receipt_says_that_nobody_knows():
    (one,) = breaks(told(fault(1.0, "planned"), fault(2.0, "stopped", reason="not Ready")))
    assert one.received is None
    assert "nobody knows" in one.standing


def test_the_same_fault_twice_on_one_member_is_two_breaks():
    found = breaks(
        told(*(fault(float(n), stage) for n in (1, 5) for stage in ("planned", "receipt")))
    )
    assert [one.start for one in found] == [1.0, 5.0]


def test_the_sample_run_shows_two_incarnations_a_member_and_one_claim_each():
    found = lanes(history.read(SAMPLE / "history.jsonl"))
    for ordinal in range(3):
        pods = {bar.thing for bar in found.bars if bar.lane == f"ledger-{ordinal}"}
        claims = {bar.thing for bar in found.bars if bar.lane == f"claim data-ledger-{ordinal}"}
        assert (len(pods), len(claims)) == (2, 1)
    assert len(found.breaks) == 3


EVENTS = st.tuples(
    st.tuples(
        st.integers(1, 30),
        st.floats(0, 100),
        st.sampled_from(["ADDED", "MODIFIED", "DELETED"]),
        st.sampled_from(["db-0", "db-1", "x"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["Pending", "Running", "Failed", "Unknown"]),
    ),
    st.booleans(),
)


@given(st.lists(EVENTS, max_size=30))
def test_bars_of_one_pod_never_overlap_and_stay_inside_the_run(events):
    found = lanes(told(*(pod(*event, ready=ready) for event, ready in events)))
    for uid in "abc":
        mine = sorted((bar.start, bar.end) for bar in found.bars if bar.thing == uid)
        assert all(start <= end <= found.end for start, end in mine)
        assert all(end <= start for (_, end), (start, _) in pairwise(mine))

"""What clients felt, how members were recovered, what was lost: counted from the Ops alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks import moves
from seatrial.checks import recoveries as judged
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict
from seatrial.report.clients import felt, remark, spans
from seatrial.report.cost import cost
from seatrial.report.lanes import lanes
from seatrial.report.plain import figure, named, seconds
from seatrial.report.stages import MOVING, STAGES, recoveries
from seatrial.testing.story import Story

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO


def write(began: float, ended: float, outcome: Outcome = OK, note: str = "") -> Op:
    value = {"member": 1, "writer": "w", "note": note}
    return Op("client/w", "write", outcome, began, ended, value)


def steady(start: float, number: int, outcome: Outcome = OK) -> list[Op]:
    """Give ten writes a second that took 10 ms each."""
    return [write(start + n / 10, start + n / 10 + 0.01, outcome) for n in range(number)]


def outage() -> Story:
    """Tell of three members under load, of which one is away for two seconds."""
    story = Story()
    for member, times in ((0, 40), (2, 40)):
        story.at = 0.0
        for _ in range(times):
            story.writes(member)
    story.at = 0.0
    for outcome, times in ((OK, 10), (INFO, 20), (FAIL, 1), (OK, 9)):
        for _ in range(times):
            story.writes(1, outcome)
    return story


def stage(
    name: str, began: float, ended: float, outcome: Outcome = OK, ordinal: int = 1, **more: Json
) -> Op:
    value = {"stage": name, "ordinal": ordinal, **more}
    return Op("recovery", "stage", outcome, began, ended, value)


def drill(ordinal: int = 1, at: float = 10.0, stages: int = 6) -> list[Op]:
    return [stage(name, at + n, at + n + 1.25, ordinal=ordinal) for n, name in enumerate(STAGES)][
        :stages
    ]


def record(*ops: Op) -> History:
    head = Op("run", "plan", OK, 0.0, 0.0, {"profile": {"set": "ledger"}})
    return History((head, *sorted(ops, key=lambda op: op.completed)))


def verdict(
    standing: Standing = Standing.HOLDS,
    guarantee: str = "durability.acknowledged",
    /,
    **figures: Json,
) -> Verdict:
    return Verdict(guarantee, standing, "", (), figures)


def test_neighbours_that_ended_alike_are_one_span():
    found = spans([*steady(0, 30), *steady(3, 20, INFO), *steady(5, 1, FAIL), *steady(5.1, 9)])
    assert [(one.state, one.said) for one in found] == [
        ("acknowledged", "30 acknowledged"),
        ("unanswered", "20 unanswered"),
        ("refused", "1 refused"),
        ("acknowledged", "9 acknowledged"),
    ]


def test_a_time_in_which_nobody_wrote_is_not_drawn_as_acknowledged():
    found = spans([*steady(0, 30), *steady(20, 30)])
    assert [one.state for one in found] == ["acknowledged", "acknowledged"]
    assert found[1].start - found[0].end == pytest.approx(17.09)


def test_clients_that_write_seldom_have_no_pauses_between_their_writes():
    assert len(spans([write(10.0 * n, 10.0 * n + 0.1) for n in range(20)])) == 1


def test_the_words_of_a_span_are_its_most_frequent_answers():
    ops = [write(n / 10, n / 10, INFO, "reset" if n % 3 else "timed out") for n in range(9)]
    (one,) = spans(ops)
    assert one.notes == (("reset", 6), ("timed out", 3))


def test_a_lane_of_very_many_spans_is_drawn_in_columns_that_hide_no_failure():
    ops = [write(n / 10, n / 10 + 0.01, INFO if n % 7 == 0 else OK) for n in range(7000)]
    found = spans(ops, most=50)
    assert len(found) <= 50
    assert {one.state for one in found} == {"unanswered"}
    assert sum(sum(one.counts.values()) for one in found) == 7000


OUTCOMES = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0, 5), st.sampled_from([OK, FAIL, INFO])), min_size=1
)


@given(OUTCOMES, st.integers(1, 40))
def test_spans_lose_no_attempt_never_overlap_and_are_few(told, most):
    ops = [write(began, began + took, outcome) for began, took, outcome in told]
    ops.sort(key=lambda op: op.completed)
    found = spans(ops, most)
    assert sum(sum(one.counts.values()) for one in found) == len(ops)
    assert all(one.start <= one.end for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert len(found) <= most


@given(OUTCOMES)
def test_the_outage_has_no_acknowledgement_inside(told):
    (one,) = felt(record(*(write(began, began + took, outcome) for began, took, outcome in told)))
    inside = [b + t for b, t, o in told if o is OK and one.since + 0.01 < b + t < one.until - 0.01]
    assert not inside
    assert one.acknowledged + one.refused + one.unanswered == len(told)


def test_what_clients_felt_is_counted_by_member():
    away = felt(outage().history())[1]
    assert (away.member, away.acknowledged, away.refused, away.unanswered) == (
        "ledger-1", 19, 1, 20,
    )  # fmt: skip
    assert (away.outage, away.since, away.until) == (2.2, 1.0, 3.2)
    assert (away.open, away.p50, away.p99) == (False, 10.0, 10.0)


def test_latency_is_that_of_acknowledged_writes_only():
    ops = [write(n, n + n / 1000) for n in range(1, 101)]
    (one,) = felt(record(*ops, write(200, 205, INFO)))
    assert (one.p50, one.p99) == (50.0, 99.0)


def test_an_outage_that_nobody_saw_end_reaches_to_the_last_attempt():
    (one,) = felt(record(*steady(0, 10), *steady(1, 50, INFO)))
    assert (one.until, one.open) == (5.91, True)


def test_without_any_acknowledgement_the_outage_is_all_the_time_and_has_no_latency():
    (one,) = felt(record(*steady(2, 50, INFO)))
    assert (one.acknowledged, one.since, one.until, one.open) == (0, 2.0, 6.91, True)
    assert one.p50 is one.p99 is None
    assert cost((), [one]) == ("No write was acknowledged at all.",)


def test_a_run_without_load_has_no_clients_no_stages_and_no_cost():
    story = Story()
    story.deploys()
    history = story.history()
    assert (felt(history), recoveries(history), remark(history)) == ((), (), "")
    assert cost([verdict(drifts=3)], ()) == ()
    assert not [lane for lane in lanes(history).lanes if "clients" in lane or "recovery" in lane]


def driver(event: str, expected: int = 0, collected: int = 0) -> Op:
    value = {"event": event, "node": "n", "expected": expected, "collected": collected}
    return Op("driver", "driver", OK, 90.0, 90.0, value)


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ((driver("started"), driver("collected", 9, 9)), ""),
        ((driver("started"), driver("collected", 9, 7)), "Of 9"),
        ((driver("started"), driver("lost")), "was lost"),
        ((driver("started"),), "never collected"),
    ],
)
def test_a_record_of_the_driver_that_is_not_whole_is_told(ops, said):
    told = remark(record(*ops))
    assert said in told
    assert bool(told) == bool(said)


def test_a_recovery_has_its_stages_with_their_seconds_in_order():
    (one,) = recoveries(record(*drill()))
    assert (one.member, one.began, one.ended) == ("ledger-1", 10.0, 16.25)
    assert [(row.number, row.stage, row.began, row.seconds) for row in one.stages[:2]] == [
        (1, "backup", 10.0, 1.25),
        (2, "lost", 11.0, 1.25),
    ]
    assert {row.how for row in one.stages} == {"done"}


def test_a_history_cut_off_in_the_middle_says_which_stages_were_not_seen():
    (one,) = recoveries(record(*drill(stages=3)))
    assert [row.how for row in one.stages] == ["done"] * 3 + ["not seen"] * 3
    assert [row.stage for row in one.stages if row.began is None] == list(STAGES[3:])


def test_a_stage_that_failed_and_then_was_done_is_one_recovery():
    failed = stage("restored", 14.25, 14.5, FAIL, note="no such snapshot")
    (one,) = recoveries(record(*drill(stages=4), failed, *drill(at=11.0)[4:]))
    assert [(row.stage, row.how) for row in one.stages[3:6]] == [
        ("rescheduled", "done"),
        ("restored", "failed"),
        ("restored", "done"),
    ]
    assert "no such snapshot" in one.stages[4].what


def test_stages_that_ended_in_the_wrong_order_are_still_one_recovery():
    early = stage("serving", 12.3, 12.5)
    (one,) = recoveries(record(*drill(stages=5), early))
    assert [row.stage for row in one.stages].count("serving") == 1


def test_the_same_member_lost_twice_was_recovered_twice():
    found = recoveries(record(*drill(), *drill(at=50.0), *drill(ordinal=2, at=30.0)))
    assert [(one.member, one.began) for one in found] == [
        ("ledger-1", 10.0),
        ("ledger-2", 30.0),
        ("ledger-1", 50.0),
    ]


def test_a_move_has_stages_of_its_own_and_says_which_were_not_seen():
    seen = [stage(name, at, at + 1) for at, name in enumerate(MOVING[:4])]
    (one,) = recoveries(record(*seen))
    assert [(row.number, row.stage) for row in one.stages] == list(enumerate(MOVING, 1))
    assert [row.how for row in one.stages] == ["done"] * 4 + ["not seen"] * 3


def test_a_member_that_moved_twice_is_told_of_twice():
    twice = [stage(name, at, at + 1) for at, name in enumerate((*MOVING, *MOVING[:3]))]
    assert [len(one.stages) for one in recoveries(record(*twice))] == [len(MOVING)] * 2


def test_what_is_told_of_is_what_is_judged():
    assert (STAGES, MOVING) == (judged.STAGES, moves.STAGES)


def test_a_move_says_when_the_member_served_again():
    rebind = verdict(Standing.HOLDS, "storage.rebind", kill_to_serving_seconds=31.1)
    assert cost([rebind], ()) == ("Serving again 31.1 s after its node was killed.",)


def test_what_a_stage_tells_is_short():
    told = stage("lost", 1, 2, uid="6dd12bfd-37d8-400a", container="9" * 64, volumes={"a": "b"})
    (one,) = recoveries(record(told))
    assert one.stages[0].what == "uid 6dd12bfd, container 999999999999"


def test_the_recovery_and_the_clients_have_lanes_of_their_own():
    story = outage()
    story.deploys()
    found = lanes(History((*story.history().ops, *drill())))
    assert found.lanes[:5] == ("the trial", "recovery", "ledger-0", "ledger-1", "ledger-2")
    assert found.lanes[5:8] == tuple(f"clients of ledger-{n}" for n in range(3))
    stages = [bar for bar in found.bars if bar.lane == "recovery"]
    assert [(bar.label, bar.brief) for bar in stages][1] == ("lost 1.25 s", "2")
    clients = [bar for bar in found.bars if bar.lane == "clients of ledger-1"]
    assert [bar.state for bar in clients] == [
        "acknowledged",
        "unanswered",
        "refused",
        "acknowledged",
    ]
    assert clients[1].label == "20 unanswered, 1.91 s"


def test_recoveries_of_two_members_are_two_lanes():
    found = lanes(record(*drill(), *drill(ordinal=2)))
    assert found.lanes == ("recovery of ledger-1", "recovery of ledger-2")


LOSS = {"rpo_records": 30, "rpo_seconds": 2.816, "tail": 30, "holes": 0}


def test_a_loss_is_told_in_writes_and_seconds():
    assert cost([verdict(**LOSS)], ()) == (
        "30 acknowledged writes were lost, the last 2.82 s before the loss.",
    )


def test_a_loss_that_two_guarantees_count_is_told_once_with_the_time_to_serve_again():
    six = verdict(Standing.HOLDS, "recovery.six-stages", rpo_records=30, rpo_seconds=2.816,
                  rto_seconds=20.269, losses=2)  # fmt: skip
    said = cost([six, verdict(**LOSS)], ())
    assert len(said) == 2
    assert said[1] == "Serving again at most 20.3 s after the loss began."


def test_holes_are_told_apart_from_the_tail():
    (said,) = cost([verdict(Standing.BROKEN, **{**LOSS, "tail": 28, "holes": 2})], ())
    assert "28 at the tail, 2 in holes" in said


def test_no_loss_is_claimed_only_where_it_was_shown():
    none = {"rpo_records": 0, "rpo_seconds": 0.0}
    assert cost([verdict(**none)], ()) == ("No acknowledged write was lost.",)
    (said,) = cost([verdict(Standing.UNKNOWN, **none)], ())
    assert said.endswith("which is not all.")
    (said,) = cost([verdict(Standing.UNKNOWN, **LOSS)], ())
    assert said.startswith("At least 30")


def test_the_longest_outage_is_told_with_its_member():
    (said,) = cost((), felt(outage().history()))
    assert "ledger-1" in said
    assert "2.20 s, from 1.0 s to 3.2 s" in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cleared_seconds", 8.993, ("cleared", "8.99 s")),
        ("rto_seconds", 120.4, ("time to recover (RTO)", "120 s")),
        ("unknown_answers", 4, ("unknown answers", "4")),
        ("seconds", [1.0, 2.0], ("seconds", "1, 2")),
        ("median_seconds", "none", ("median", "none")),
    ],
)
def test_figures_are_told_in_words(name, value, said):
    assert named(name, value) == said


def test_seconds_have_three_digits_that_matter():
    assert [seconds(value) for value in (0.433, 8.993, 20.269, 1234.5)] == [
        "0.43 s", "8.99 s", "20.3 s", "1234 s",
    ]  # fmt: skip


def test_receipts_show_a_time_as_a_time_and_what_is_inside_as_inside():
    receipt = {"api": {"ready": True, "heartbeat": 1795258173.0}, "container": "a1" * 32, "n": 2}
    assert figure(receipt) == (
        "api (ready yes, heartbeat 2026-11-21 10:49:33 UTC), container a1a1a1a1a1a1, n 2"
    )


@pytest.mark.parametrize("value", [41.2, 1e300, float("inf"), "soon"])
def test_a_number_that_is_no_date_is_shown_as_it_is(value):
    assert "UTC" not in figure({"began": value})


def test_a_checksum_is_no_date_and_a_digest_stays_whole():
    assert figure({"watermark": {"w1": [55, 2261517282]}}) == "watermark (w1 55, 2261517282)"
    assert len(figure({"image": f"sha256:{'a1' * 32}"})) > 64

"""What judges of histories say, to the word, and what they point at."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from seatrial.checks.consistency import (
    Register,
    judge_model,
    of_columns,
    of_rows,
)
from seatrial.checks.consistency.bank import Bank, holds_in_copy
from seatrial.checks.consistency.judgement import Gap, malformed, sound
from seatrial.checks.consistency.models import Operation
from seatrial.checks.consistency.queues import judge_queue
from seatrial.checks.consistency.search import Budget
from seatrial.checks.consistency.sessions import judge_sessions
from seatrial.checks.consistency.sets import judge_set
from seatrial.checks.consistency.staleness import Lag, judge_staleness
from seatrial.model import Op, Outcome, Standing

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
CANNOT = "the history cannot be judged: wanted: "


def did(
    what: str,
    index: int,
    at: tuple[float, float],
    outcome: Outcome = OK,
    process: str = "client/1",
    **value: Any,
) -> Op:
    return Op(process, what, outcome, *at, value, index=index)


# --- operations that are none


def test_what_is_no_operation_is_a_gap_and_not_an_error():
    nothing: Any = 7
    cases: list[Any] = [7, None, {"what": "add"}, Op("p", "add", OK, 0, 1, nothing)]
    for strange in cases:
        gaps: list[Gap] = []
        assert list(sound([strange], {"add"}, gaps)) == []
        assert gaps[0].reason.endswith(" is no operation")


def test_what_has_no_name_and_no_place_is_an_entry_of_nobody():
    assert malformed(7, "is odd") == Gap("an entry of ? is odd", (-1,))  # type: ignore[arg-type]
    assert malformed(did("add", 0, (0, 1)), "is odd") == Gap("add 0 of client/1 is odd", (0,))


def test_what_cannot_be_judged_of_an_operation_is_told_by_its_place():
    cases: list[Any] = [
        ({"invoked": "x"}, "has no times"),
        ({"error": None}, "has no times"),
        ({"error": math.inf}, "has no bound of its clock's error"),
        ({"error": -1.0}, "has no bound of its clock's error"),
        ({"what": "sub"}, "is of a kind that nobody here knows"),
        ({"outcome": "done"}, "has the unknown outcome 'done'"),
    ]
    for changes, wrong in cases:
        fields: dict[str, Any] = {
            "process": "p", "what": "add", "outcome": OK, "invoked": 0, "completed": 1, "index": 3,
        }  # fmt: skip
        told, gaps = Op(**{**fields, **changes}), list[Gap]()
        assert list(sound([told], {"add"}, gaps)) == []
        assert gaps == [Gap(f"{told.what} 3 of p {wrong}", (3,))]


def test_an_operation_that_is_told_twice_is_told_once():
    op, gaps = did("add", 3, (0, 1)), list[Gap]()
    assert list(sound([op, op], {"add"}, gaps)) == [op]
    assert gaps == [Gap("add 3 of client/1 stands in the history twice", (3,))]


def test_a_time_that_is_longer_than_any_integer_is_a_time():
    assert list(sound([did("add", 0, (0, 2**70)), did("add", 1, (2**70, 2**71))], {"add"}, []))


# --- sets


def test_a_set_says_of_what_was_lost_who_saw_it_and_who_did_not():
    ops = [did("add", 0, (0, 1), element=1), did("read", 1, (2, 3), elements=[])]
    found = judge_set(ops)
    assert found.reason == (
        "lost: add 0 of client/1 (0 to 1 s) showed that 1 is there; "
        "read 1 of client/1 (2 to 3 s) lacks it"
    )
    assert found.shown == (0, 1)


def test_reads_at_once_that_disagree_are_both_named():
    ops = [
        did("add", 0, (0, 1), element=1),
        did("read", 1, (2, 5), elements=[]),
        did("read", 2, (3, 6), process="client/2", elements=[1]),
    ]
    found = judge_set(ops)
    assert (found.standing, found.shown) == (UNKNOWN, (1, 2))
    assert found.reason == (
        "read 1 of client/1 (2 to 5 s) and read 2 of client/2 (3 to 6 s) disagree on 1, "
        "and none came after both"
    )


def test_what_nobody_read_afterwards_is_named_by_the_first_and_counted():
    ops = [did("add", n, (n, n + 0.5), element=n) for n in range(3)]
    found = judge_set([did("read", 9, (-2, -1), elements=[]), *ops])
    assert found.reason == (
        "no read that has it, or began afterwards, tells of add 0 of client/1 (0 to 0.5 s) "
        "(3 such elements)"
    )
    assert (found.shown, found.figures["never_read"]) == ((0,), 3)


def test_elements_may_be_numbers_and_texts_together():
    ops = [
        did("add", 0, (0, 1), element=1),
        did("add", 1, (0, 1), element="a"),
        did("read", 2, (2, 3), elements=[1, "a"]),
    ]
    assert judge_set(ops).standing is HOLDS
    odd = did("read", 3, (4, 5), elements=[1, "a", "b", 2])
    assert [one.reason.split(" has ")[1] for one in judge_set([*ops, odd]).anomalies] == [
        "2, which nobody added",
        "b, which nobody added",
    ]


def test_an_element_that_was_added_twice_was_there_from_the_first_on():
    read = did("read", 2, (2, 3), elements=[1])
    late, early = did("add", 0, (5, 6), element=1), did("add", 1, (0, 1), element=1)
    both = (judge_set([late, early, read]), judge_set([early, late, read]))
    assert [found.standing for found in both] == [HOLDS, HOLDS]
    twin = [did("add", n, (5, 6), process=f"client/{n}", element=1) for n in (0, 1)]
    found = judge_set([*twin, read, did("read", 3, (7, 8), elements=[1])])
    assert (found.standing, found.shown) == (BROKEN, (2, 0))


# --- queues


def test_a_drain_that_nobody_knows_of_may_have_all_that_is_lost():
    filled = [did("enqueue", n, (n, n + 0.5), element=n) for n in range(3)]
    asked = [
        did("drain", 3, (4, 5), INFO, process="a"),
        did("dequeue", 4, (4, 5), INFO, process="b"),
        did("drain", 5, (6, 7), elements=[]),
    ]
    assert judge_queue([*filled, *asked]).standing is UNKNOWN
    assert judge_queue([*filled, asked[1], asked[2]]).standing is BROKEN
    assert judge_queue([*filled, asked[1], asked[0], asked[2]]).standing is UNKNOWN


def test_an_element_that_was_sent_twice_was_sent_when_it_was_first():
    late = did("enqueue", 0, (5, 6), element=1)
    early = did("enqueue", 1, (0, 1), INFO, process="b", element=1)
    taken = [did("dequeue", 2, (2, 3), element=1), did("drain", 3, (8, 9), elements=[1])]
    for sent in ((late, early), (early, late)):
        assert judge_queue([*sent, *taken]).standing is HOLDS
    twin = did("enqueue", 1, (5, 6), process="b", element=1)
    assert judge_queue([late, twin, *taken]).shown == (2, 0)


# --- sessions and staleness


@pytest.mark.parametrize("judge", [judge_sessions, lambda ops: judge_staleness(ops, Lag(1))])
def test_a_write_has_a_version_from_one_on_and_a_read_from_none_on(judge):
    found = judge([did("write", 0, (0, 1), key="x", version=0)])
    assert found.reason == "write 0 of client/1 has the version 0"
    found = judge([did("read", 0, (0, 1), key="x", version=0)])
    assert "has the version" not in found.reason


def test_the_last_read_of_a_write_is_named_behind_which_another_key_was():
    def op(what: str, index: int, process: str, key: str, version: int) -> Op:
        return did(what, index, (index, index + 0.5), process=process, key=key, version=version)

    ops = [
        op("write", 0, "a", "x", 1),
        op("write", 1, "a", "y", 1),
        op("read", 2, "b", "y", 1),
        op("read", 3, "b", "y", 1),
        op("read", 4, "b", "x", 0),
    ]
    found = judge_sessions(ops)
    assert "and read 3 of b (3 to 3.5 s) had read a later write of a" in found.reason
    elsewhere = [replace(op, value={**op.value, "server": op.index}) for op in ops]
    assert judge_sessions(elsewhere).reason == found.reason


def test_the_farthest_write_of_another_that_was_read_is_kept_though_an_earlier_one_is_read():
    def op(what: str, index: int, process: str, key: str, version: int) -> Op:
        return did(what, index, (index, index + 0.5), process=process, key=key, version=version)

    ops = [op("write", n, "a", key, 1) for n, key in enumerate("yxz")]
    ops += [op("read", n, "b", key, 1) for n, key in enumerate("zy", 3)]
    found = judge_sessions([*ops, op("read", 5, "b", "x", 0)])
    assert (found.standing, found.shown) == (BROKEN, (1, 5))
    assert "and read 3 of b (3 to 3.5 s) had read a later write of a" in found.reason


def test_what_was_acknowledged_as_a_read_began_is_no_version_behind():
    ops = [
        did("write", 0, (0, 1), process="a", key="x", version=1),
        did("write", 1, (2, 10), process="b", key="x", version=2),
        did("write", 2, (3, 5), process="c", key="x", version=3),
        did("read", 3, (5, 6), process="d", key="x", version=2),
    ]
    found = judge_staleness(ops, Lag(1))
    assert (found.standing, found.figures["stale"]) == (HOLDS, 0)
    assert found.figures["versions"]["min"] == 0


def test_the_worst_age_by_member_is_told_to_a_microsecond():
    ops = [
        did("write", 0, (0, 1), key="x", version=1),
        did("read", 1, (2.12345678, 3), key="x", version=0, member=2),
    ]
    assert judge_staleness(ops, Lag(9)).figures["worst_by_member"] == {"2": 1.123457}


# --- banks, models and the search


def test_a_copy_of_a_bank_may_overdraw_where_the_bank_may():
    balances = {"a": -1, "b": 21}
    assert holds_in_copy(balances, Bank(20, overdraft=True))
    assert not holds_in_copy(balances, Bank(20))


def test_an_operation_is_told_with_its_answer_or_that_there_was_none():
    asked = Operation("read", None, 7, 0, 1.5, row=3)
    assert str(asked) == "operation 3 (read: 7, 1.5 s)"
    assert str(Operation("add", 2, None, 0, row=4)) == "operation 4 (add 2: no answer)"


def test_what_no_model_can_judge_is_told_with_the_operation():
    pop, torn = Operation("pop", 1, None, 0, 1, row=5), Operation("write", 1, None, 2, 1, row=6)
    assert judge_model([pop], Register()).reason == (
        f"{CANNOT}an operation of a register: one of read, write, cas\n"
        "seen: operation 5 (pop 1: None, 1 s)"
    )
    assert judge_model([torn], Register()).reason == (
        f"{CANNOT}a clock that never goes back\nseen: operation 6 (write 1: None, 1 s)"
    )
    odd = Operation("cas", 1, None, 0, 1, row=7)
    assert judge_model([odd], Register()).reason == (
        f"{CANNOT}an operation as the model knows it\n"
        "seen: operation 7 (cas 1: None, 1 s): cannot unpack non-iterable int object"
    )


def test_a_process_without_a_name_is_nobody():
    rows: Any = [(None, "read", "x", 1, 0, 1, "ok")]
    assert of_columns(of_rows(rows))[0].process == ""


def slow(key: str, row: int) -> list[Operation]:
    """Give ten writes at once and a read that none of their orders explains."""
    writes = [Operation("write", n, None, 0, 9, key, row=row + n) for n in range(4)]
    return [*writes, Operation("read", None, 99, 10, 11, key, row=row + 9)]


def test_states_are_counted_over_all_keys_and_the_last_one_may_be_tried():
    alone = judge_model(slow("x", 0), Register())
    states = alone.figures["states"]
    good = [Operation("write", n, None, n, n + 0.5, "w", row=90 + n) for n in range(9)]
    assert judge_model(slow("x", 0), Register(), Budget(states)).standing is BROKEN
    assert judge_model(slow("x", 0), Register(), Budget(states - 1)).standing is UNKNOWN
    both = [*good, *slow("x", 0)]
    assert judge_model(both, Register(), Budget(states + 9)).standing is BROKEN
    assert judge_model(both, Register(), Budget(states + 8)).standing is UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "standing", "states"), [(1, UNKNOWN, 1000), (2, UNKNOWN, 2000), (3, BROKEN, 2304)]
)
def test_the_clock_is_asked_now_and_then_and_its_last_second_may_be_used(seconds, standing, states):
    ticks = count(1)
    writes = [Operation("write", n, None, 0, 9, row=n) for n in range(9)]
    told = [*writes, Operation("read", None, 99, 10, 11, row=9)]
    budget = Budget(seconds=seconds, clock=lambda: float(next(ticks)))
    found = judge_model(told, Register(), budget)
    assert (found.standing, found.figures["states"]) == (standing, states)

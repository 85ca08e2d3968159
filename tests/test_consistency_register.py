"""The judge of registers, on histories with one planted defect each, and on none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seatrial.checks.consistency import judge_register, of_ops, of_rows
from seatrial.checks.consistency.columns import Columns, Row
from seatrial.checks.consistency.register import conflict
from seatrial.model import Op, Outcome, Standing

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def write(process: str, value: Any, begin: float, end: Any, outcome="ok", key="x") -> Row:
    return (process, "write", key, value, begin, end, outcome)


def read(process: str, value: Any, begin: float, end: Any, outcome="ok", key="x") -> Row:
    return (process, "read", key, value, begin, end, outcome)


GOOD = {
    "what was written is read": [write("a", 1, 0, 1), read("b", 1, 2, 3)],
    "the initial value is read before any write ends": [write("a", 1, 1, 4), read("b", None, 2, 3)],
    "a read during a write sees the old value": [
        write("a", 1, 0, 1), write("a", 2, 2, 6), read("b", 1, 3, 4), read("b", 2, 5, 7),
    ],
    "an open write is seen late": [
        write("a", 1, 0, None, "info"), write("b", 2, 1, 2), read("b", 2, 3, 4), read("b", 1, 5, 6),
    ],
    "an open write is never seen": [
        write("a", 1, 0, None, "info"), write("b", 2, 1, 2), read("b", 2, 3, 4),
    ],
    "a failed write is never seen": [
        write("a", 1, 0, 1), write("b", 2, 2, 3, "fail"), read("b", 1, 4, 5),
    ],
    "a value of another key": [
        write("a", 1, 0, 1), write("a", 1, 2, 3, key="y"), read("b", 1, 4, 5),
        read("b", 1, 6, 7, key="y"),
    ],
    "a failed and an open read say nothing": [
        write("a", 1, 0, 1), read("b", 7, 2, 3, "fail"), read("c", 7, 2, None, "info"),
        read("a", 1, 4, 5),
    ],
    "what ends as another begins is at the same time": [
        write("a", 1, 0, 1), write("a", 2, 1, 2), read("b", 1, 2, 3), read("b", 2, 3, 4),
    ],
}  # fmt: skip
BAD = {
    "a stale read": (
        [write("a", 1, 0, 1), write("a", 2, 2, 3), read("b", 1, 4, 5)], (1, 2), "began after",
    ),
    "the initial value after a write": (
        [write("a", 1, 0, 1), read("b", None, 2, 3)], (0, 1), "still saw the initial value",
    ),
    "a value that nobody wrote": (
        [write("a", 1, 0, 1), read("b", 9, 2, 3)], (1,), "never written",
    ),
    "a value whose write had failed": (
        [write("a", 1, 0, 1, "fail"), read("b", 1, 2, 3)], (1, 0), "had failed",
    ),
    "a value of another key that was never here": (
        [write("a", 1, 0, 1, key="y"), read("b", 1, 2, 3)], (1,), "never written",
    ),
    "a read before its write": (
        [read("b", 1, 0, 1), write("a", 1, 2, 3)], (0, 1), "had ended before",
    ),
    "an open write that took effect and went away again": (
        [write("a", 1, 0, None, "info"), read("b", 1, 1, 2), write("b", 2, 3, 4),
         read("b", 1, 5, 6)], (2, 3), "began after",
    ),
    "two readers who see two writes in two orders": (
        [write("a", 1, 0, 9), write("b", 2, 0, 9), read("c", 1, 10, 11), read("c", 2, 12, 13),
         read("d", 1, 14, 15)], (3, 4), "began after",
    ),
    "a write wholly inside the life of another value": (
        [write("a", 1, 0, 1), write("b", 2, 2, 3), read("a", 1, 4, 5), read("b", 2, 6, 7)],
        (2, 3), "began after",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_some_order_explains_holds(name):
    assert judge_register(of_rows(GOOD[name])).standing is HOLDS


@pytest.mark.parametrize("name", BAD)
def test_a_planted_defect_is_broken_and_shown_by_the_two_operations_that_conflict(name):
    rows, shown, said = BAD[name]
    found = judge_register(of_rows(rows))
    assert found.standing is BROKEN
    assert found.shown[: len(shown)] == shown
    assert said in found.reason


@pytest.mark.parametrize("name", BAD)
def test_a_defect_is_found_among_the_good_histories_of_other_keys(name):
    rows = [
        (f"{key}/{row[0]}", row[1], f"{key}/{row[2]}", *row[3:])
        for key, told in enumerate([*GOOD.values(), BAD[name][0]])
        for row in told
    ]
    before = sum(map(len, GOOD.values()))
    found = judge_register(of_rows(rows))
    assert found.standing is BROKEN
    assert found.shown[0] == before + BAD[name][1][0]


def test_a_history_without_any_answered_read_is_unknown():
    assert judge_register(of_rows([write("a", 1, 0, 1)])).standing is UNKNOWN
    assert judge_register(of_rows([])).standing is UNKNOWN


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([write("a", 1, 0, 1), write("b", 1, 2, 3), read("b", 1, 4, 5)], "written once"),
        ([("a", "cas", "x", [1, 2], 0, 1, "ok")], "reads and writes alone"),
    ],
)
def test_what_zones_cannot_judge_is_unknown_with_the_operation(rows, said):
    found = judge_register(of_rows(rows))
    assert found.standing is UNKNOWN
    assert said in found.reason
    assert "operation" in found.reason


def test_writing_the_initial_value_is_unknown():
    told = of_rows([write("a", 5, 0, 1), read("b", 5, 2, 3)])
    assert judge_register(told, initial=5).standing is UNKNOWN
    assert judge_register(told, initial=6).standing is HOLDS


def test_a_value_nobody_wrote_is_unknown_where_the_history_is_cut_short():
    told = of_rows([write("a", 1, 0, 1), read("b", 9, 2, 3)])
    cut = Columns(**{**vars(told), "cut": True})
    assert judge_register(told).standing is BROKEN
    found = judge_register(cut)
    assert found.standing is UNKNOWN
    assert "cut off" in found.reason


def test_values_at_both_ends_of_what_an_integer_holds_are_told_apart():
    low, high = -(2**62), 2**63 - 1
    rows = [write("a", low, 0, 1), write("a", high, 2, 3), write("a", "x", 4, 5)]
    ends = [*rows, read("b", "x", 6, 7)]
    assert judge_register(of_rows(ends)).standing is HOLDS
    assert judge_register(of_rows([*rows, read("b", high, 6, 7)])).shown == (2, 3, 1)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("invoked", math.nan, "time of invocation"),
        ("invoked", 99.0, "never goes back"),
        ("completed", math.inf, "time of completion"),
        ("kind", 7, "kind that is known"),
        ("outcome", 0, "outcome that is known"),
        ("value", -(2**63), "value that is written"),
    ],
)
def test_columns_that_break_a_rule_are_unknown_and_never_hold(column, value, said):
    told = of_rows(GOOD["what was written is read"])
    spoilt = np.array(getattr(told, column))
    spoilt[0] = value
    found = judge_register(Columns(**{**vars(told), column: spoilt}))
    assert found.standing is UNKNOWN
    assert said in found.reason


def test_columns_of_different_lengths_are_unknown():
    told = of_rows(GOOD["what was written is read"])
    short = Columns(**{**vars(told), "invoked": told.invoked[:1]})
    assert judge_register(short).standing is UNKNOWN


def test_ops_are_judged_as_wide_as_their_clocks_are_wrong():
    def ops(error: float) -> list[Op]:
        values = [("write", 1, 0, 1), ("write", 2, 2, 3), ("read", 1, 3.5, 4)]
        return [
            Op(f"client/{f}{value}", "register", Outcome.OK, begin, end,
               {"f": f, "key": "x", "value": value}, error)
            for f, value, begin, end in values
        ]  # fmt: skip

    assert judge_register(of_ops(ops(0.0))).standing is BROKEN
    assert judge_register(of_ops(ops(0.3))).standing is HOLDS


def test_a_million_operations_are_no_slower_than_linear_sorting_allows():
    """Guards against a loop over operations: 100,000 in a loop would take seconds."""
    count = 100_000
    begin = np.arange(count, dtype=np.float64)
    value = np.arange(count) // 2
    told = Columns(
        process=np.zeros(count, np.int64),
        kind=(np.arange(count) % 2 == 0).astype(np.int8),
        key=value % 7,
        value=value,
        expected=np.zeros(count, np.int64),
        invoked=begin,
        completed=begin + 0.5,
        outcome=np.ones(count, np.int8),
    )
    assert conflict(told) is None
    swapped = np.array(told.value)
    swapped[[-1, -15]] = swapped[[-15, -1]]
    assert conflict(Columns(**{**vars(told), "value": swapped})) is not None

"""Columns of operations: what breaks a rule is a sentence that names the operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seatrial.checks.consistency import judge_register, of_ops, of_rows
from seatrial.checks.consistency.columns import Columns, checked
from seatrial.errors import BadHistory
from seatrial.model import Op, Outcome, Standing

ROWS = [("a", "write", "x", 1, 0, 1, "ok"), ("b", "read", "x", 1, 2, 3, "ok")]
GOOD = of_rows(ROWS)


def spoilt(column: str, value: Any, row: int = 0) -> Columns:
    cells = np.array(getattr(GOOD, column))
    cells[row] = value
    return Columns(**{**vars(GOOD), column: cells})


def refused(found: Columns) -> tuple[str, str]:
    with pytest.raises(BadHistory) as caught:
        checked(found)
    return caught.value.wanted, caught.value.seen


def test_the_rule_that_one_operation_breaks_is_told_with_all_its_cells():
    for column, value, wanted in [
        ("kind", -1, "a kind that is known"),
        ("kind", 3, "a kind that is known"),
        ("outcome", 0, "an outcome that is known"),
        ("outcome", 4, "an outcome that is known"),
        ("outcome", 3, "no time of completion where the outcome is unknown"),
        ("value", -(2**63), "a value that is written"),
        ("invoked", -math.inf, "a time of invocation"),
        ("completed", math.nan, "a time of completion where the outcome is known"),
        ("completed", -1, "a clock that never goes back"),
    ]:
        cells = {
            "process": -(2**63) + 1, "kind": 1, "key": -(2**63) + 3, "value": 1,
            "expected": -(2**63), "invoked": 0.0, "completed": 1.0, "outcome": 1,
        }  # fmt: skip
        cells[column] = type(cells[column])(value)
        seen = ", ".join(f"{name} {cell}" for name, cell in cells.items())
        assert refused(spoilt(column, value)) == (wanted, f"operation 0: {seen}")


def test_a_cas_and_what_failed_are_known_too():
    rows = [("a", "cas", "x", [1, 2], 0, 1, "fail"), ("b", "cas", "x", [1, 2], 0, None, "info")]
    assert of_rows(rows).outcome.tolist() == [2, 3]


def test_columns_of_different_lengths_are_told_with_their_lengths():
    wanted, seen = refused(Columns(**{**vars(GOOD), "invoked": GOOD.invoked[:1]}))
    assert wanted == "columns of the same length"
    assert "'key': 2, 'value': 2, 'expected': 2, 'invoked': 1" in seen


def test_a_word_that_is_not_known_is_told_with_those_that_are():
    for kind, outcome, wanted, seen in [
        ("pop", "ok", "an operation: one of read, write, cas", "pop"),
        ("read", "", "an outcome: one of ok, fail, info", ""),
        ("read", "done", "an outcome: one of ok, fail, info", "done"),
    ]:
        with pytest.raises(BadHistory) as caught:
            of_rows([ROWS[0], ("b", kind, "x", 1, 2, 3, outcome)])
        assert (caught.value.wanted, caught.value.seen) == (wanted, seen)


def test_a_row_without_its_last_cell_is_refused():
    short: Any = ROWS[1][:-1]
    with pytest.raises(ValueError, match="shorter"):
        of_rows([ROWS[0], short])


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        ("ok", "a process that does one thing at a time"),
        ("info", "a process that ends with what nobody knows the outcome of"),
    ],
)
def test_a_process_that_does_two_things_at_a_time_is_told_with_both(outcome, wanted):
    rows = [("a", "write", "x", 1, 0, 3, outcome), ("a", "write", "x", 2, 2, 4, "ok")]
    end = "3 s" if outcome == "ok" else "no answer"
    with pytest.raises(BadHistory) as caught:
        of_rows(rows)
    first, second = (
        f"operation 0 (a writes 1, 0 s to {end})",
        "operation 1 (a writes 2, 2 s to 4 s)",
    )
    assert (caught.value.wanted, caught.value.seen) == (wanted, f"{first}, then {second}")


def test_a_process_may_be_told_in_any_order():
    rows = [(f"p{n % 3}", "write", "x", n, n, n + 1, "ok") for n in range(90)]
    assert of_rows(rows[::-1]).value.tolist() == list(range(90))[::-1]
    late = [("a", "write", "x", 2, 1, 2, "ok"), ("a", "write", "x", 1, 1, 1, "ok")]
    assert len(of_rows(late)) == 2


def test_one_operation_has_no_other_to_wait_for():
    assert len(of_rows(ROWS[:1])) == 1
    assert len(of_rows([])) == 0


def op(process: str, index: int, value: dict[str, Any], error: float = 0.0) -> Op:
    return Op(process, "register", Outcome.OK, 10 * index, 10 * index + 1, value, error, index)


def test_ops_keep_their_places_where_all_have_one_and_are_widened_by_their_clocks():
    ops = [
        op("a", 4, {"f": "write", "key": "x", "value": 1}, 0.25),
        op("b", 7, {"f": "read", "key": "x", "value": 1}, 0.5),
    ]
    found = of_ops(ops)
    assert (found.place(0), found.place(1)) == (4, 7)
    assert found.invoked.tolist() == [39.75, 69.5]
    assert found.completed.tolist() == [41.25, 71.5]
    first = of_ops([op("a", 0, {"f": "write", "key": "x", "value": 1})])
    assert first.places is not None
    unplaced = of_ops([ops[0], op("b", -1, {"f": "read", "key": "x", "value": 1})])
    assert unplaced.places is None
    assert of_ops([]).places is None


def test_an_op_of_no_key_is_of_the_key_null():
    found = of_ops([op("a", 0, {"f": "write", "value": 1})])
    assert found.names.name(found.key[0]) is None


@pytest.mark.parametrize("value", [{"key": "x", "value": 1}, {"f": "read", "key": "x"}])
def test_an_op_that_says_not_what_it_did_is_named(value):
    with pytest.raises(BadHistory) as caught:
        of_ops([op("a", 3, value)])
    assert caught.value.wanted == "Ops with `f` and `value`, which Op 3 has not"


def test_some_rows_alone_are_told_by_their_places_in_the_whole():
    rows = [*ROWS, ("b", "read", "x", 9, 4, 5, "ok")]
    part = of_rows(rows).part(np.array([2, 0]))
    assert part.tell(0) == "operation 2 (b reads 9, 4 s to 5 s)"
    again = part.part(np.array([1]))
    assert again.place(0) == 0
    found = judge_register(part)
    assert (found.standing, found.shown) == (Standing.BROKEN, (2,))

"""What the judge of registers says, to the word, of collisions and of what it cannot judge."""

from __future__ import annotations

import numpy as np

from seatrial.checks.consistency import closed, judge_register, of_rows
from seatrial.checks.consistency.zones import Zones, collision
from seatrial.model import Standing

BROKEN = Standing.BROKEN
CANNOT = "the history cannot be judged: wanted: "

# --- registers


def test_what_is_no_read_and_no_write_is_told_with_whom_to_ask_instead():
    rows = [("a", "write", "x", 1, 0, 1, "ok"), ("b", "cas", "x", [1, 2], 2, 3, "ok")]
    assert judge_register(of_rows(rows)).reason == (
        f"{CANNOT}reads and writes alone\n"
        "seen: operation 1 (b sets 2, 2 s to 3 s)\n"
        "try: search.judge_model"
    )


def test_of_a_value_that_was_written_often_the_first_two_writes_are_named():
    rows = [(f"p{n}", "write", n % 2, n if n < 8 else 7, n, n + 1, "ok") for n in range(80)]
    rows.append(("r", "read", 1, 7, 90, 91, "ok"))
    assert judge_register(of_rows(rows)).reason == (
        f"{CANNOT}a value that is written once and is not the initial one\n"
        "seen: operation 8 (p8 writes 7, 8 s to 9 s) and operation 10 (p10 writes 7, 10 s to 11 s)"
    )


def test_the_writes_of_one_value_stay_in_their_order_among_all_of_its_key():
    rows = [(f"p{n}", "write", "x", 7 if n % 2 else 100 - n, n, n + 1, "ok") for n in range(200)]
    found = judge_register(of_rows([*rows, ("r", "read", "x", 7, 290, 291, "ok")]))
    assert found.reason.endswith(
        "seen: operation 1 (p1 writes 7, 1 s to 2 s) and operation 3 (p3 writes 7, 3 s to 4 s)"
    )


def test_what_a_history_cut_short_lacks_is_what_is_wanted():
    told = of_rows([("b", "read", "x", 9, 2, 3, "ok")])
    cut = type(told)(**{**vars(told), "cut": True})
    assert judge_register(cut).reason == (
        f"{CANNOT}the write of what was read\n"
        "seen: operation 0 (b reads 9, 2 s to 3 s), and a last line cut off"
    )


def test_an_initial_value_that_is_seen_late_is_told_by_its_read_and_the_write_before_it():
    rows = [
        ("a", "write", "x", 1, 0, 1, "ok"),
        ("b", "read", "x", None, 2, 3, "ok"),
        ("b", "read", "x", 1, 5, 6, "ok"),
    ]
    found = judge_register(of_rows(rows))
    assert (found.standing, found.shown) == (BROKEN, (0, 1))
    assert found.reason == (
        "key x: operation 1 (b reads None, 2 s to 3 s) began after "
        "operation 0 (a writes 1, 0 s to 1 s) had ended, and still saw the initial value"
    )


def test_three_operations_explain_a_stale_read_though_others_overlap_it():
    rows = [
        ("a", "write", "x", 1, 0, 1, "ok"),
        ("a", "write", "x", 2, 2, 3, "ok"),
        ("b", "read", "x", 1, 4, 5, "ok"),
        ("c", "read", "x", 2, 3.5, 6, "ok"),
    ]
    found = judge_register(of_rows(rows))
    assert found.shown == (1, 2, 0)
    assert found.reason.endswith("(a writes 2, 2 s to 3 s) began")


def test_a_write_that_was_refused_twice_is_named_by_the_first():
    rows = [("a", "write", "x", 1, n, n + 1, "fail") for n in (0, 2)]
    found = judge_register(of_rows([*rows, ("b", "read", "x", 1, 4, 5, "ok")]))
    assert found.shown == (2, 0)


def zones(*each: tuple[int, float, float]) -> Zones:
    key, ended, begun = zip(*each, strict=True)
    return Zones(np.array(key), np.array(ended, np.float64), np.array(begun, np.float64))


def test_of_several_collisions_the_one_is_told_that_showed_first():
    assert collision(zones((0, 5, 9), (0, 6, 8), (1, 1, 3), (1, 2, 4))) == (3, 2)
    inside = [(0, 1, 9), (0, 5, 5), (1, 1, 3), (1, 2.5, 2)]
    assert collision(zones(*inside)) == (2, 3)


# --- histories closed


def test_what_is_closed_is_all_acknowledged():
    rows = [
        ("c", "read", "x", 1, 2, 3, "ok"),
        ("d", "read", "x", 1, 2, 3, "ok"),
        ("a", "write", "x", 1, 0, None, "info"),
        ("e", "write", "x", 2, 4, 5, "ok"),
    ]
    found = closed(of_rows(rows))
    assert found.completed.tolist() == [3, 3, 3, 5]
    assert found.outcome.tolist() == [1, 1, 1, 1]
    assert found.outcome.dtype == np.int8


def test_times_are_of_one_kind_whatever_they_were_told_as():
    told = of_rows([("a", "write", "x", 1, 0, 1, "ok")])
    assert told.invoked.dtype == told.completed.dtype == np.float64
    assert closed(told).completed.dtype == np.float64
    assert told.outcome.dtype == np.int8

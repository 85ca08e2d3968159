"""The models of the durability family: a run of three members that agree, and one thing changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks import CHECKS, judge
from seatrial.checks.consistency import Register, closed, judge_model, of_columns, of_rows
from seatrial.checks.modelled import LEAST
from seatrial.errors import BadHistory
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing.agreeing import FAULT, agreed

REGISTER, BANK, SESSION = IDS = tuple(
    f"durability.{name}" for name in ("register", "bank", "session")
)
MODEL = {guarantee: guarantee.partition(".")[2] for guarantee in IDS}
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


@cache
def run(**how: Any) -> History:
    return agreed(**how)().history()


def verdict(of: History, guarantee: str) -> Verdict:
    return CHECKS[guarantee].check(of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


def changed(of: History, pick: Callable[[Op], bool], how: Callable[[Op], Op]) -> History:
    return History(tuple(how(op) if pick(op) else op for op in of.ops))


def phase(of: History, name: str) -> float:
    return next(op.completed for op in of.of("phase") if op.value["name"] == name)


@pytest.mark.parametrize("guarantee", IDS)
def test_members_that_agree_hold_although_one_was_cut_off(guarantee):
    found = verdict(run(), guarantee)
    assert found.verdict is HOLDS, found.reason
    assert found.figures["unknown_answers"] > 0
    assert found.figures["operations"] > found.figures["reads"] + found.figures["changes"]
    assert run().ops[found.evidence[0]].value["stage"] == "receipt"


@pytest.mark.parametrize(
    ("how", "broken"),
    [({"lax": True}, {REGISTER, SESSION}), ({"hasty": True}, {BANK}), ({"torn": True}, {BANK})],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_each_defect_breaks_its_own_model_and_no_other(how, broken):
    found = {guarantee: verdict(run(**how), guarantee) for guarantee in IDS}
    assert {name for name, one in found.items() if one.verdict is BROKEN} == broken
    for name in broken:
        first = run(**how).ops[found[name].evidence[0]]
        assert first.what == MODEL[name]
        assert f" {first.index} " in found[name].reason


@pytest.mark.parametrize("guarantee", IDS)
@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (lambda op: op.what == "fault", "no receipt for partition of ordinal 1"),
        (lambda op: op.what == "plan", "no receipt for the plan"),
        (lambda op: op.what == "phase" and op.value["name"] == "fault", "no phase 'fault'"),
        (lambda op: op.what in MODEL.values(), ""),
        (lambda op: op.value.get("f") == "read", "reads"),
        (lambda op: op.value.get("event") == "collected", "never collected"),
        (bool, ""),
    ],
    ids=["fault", "plan", "phase", "operations", "reads", "collected", "all"],
)
def test_a_run_without_its_evidence_is_unknown(guarantee, lost, said):
    found = verdict(without(run(), lost), guarantee)
    assert found.verdict is UNKNOWN
    assert said in found.reason


@pytest.mark.parametrize("guarantee", IDS)
@pytest.mark.parametrize("name", ["before", "fault", "final"])
@pytest.mark.parametrize("reads", [True, False])
def test_with_too_little_load_in_a_phase_nothing_is_shown(guarantee, name, reads):
    whole = run()
    start = phase(whole, name)
    end = {"before": phase(whole, "fault"), "fault": phase(whole, "final")}.get(name, 1e9)
    seen = 0

    def few(op: Op) -> bool:
        nonlocal seen
        mine = op.what == MODEL[guarantee] and (op.value["f"] == "read") == reads
        if not (mine and start <= op.invoked < end and op.value["f"] != "open"):
            return False
        seen += op.outcome is Outcome.OK
        return seen >= LEAST

    unanswered = changed(whole, few, lambda op: replace(op, outcome=Outcome.INFO))
    found = verdict(unanswered, guarantee)
    assert found.verdict is UNKNOWN
    assert "show something" in found.reason


@pytest.mark.parametrize("guarantee", [REGISTER, BANK])
def test_a_member_through_which_nobody_read_in_the_end_is_named(guarantee):
    final = phase(run(), "final")

    def late(op: Op) -> bool:
        mine = op.what == MODEL[guarantee] and op.value["f"] == "read"
        return mine and op.invoked > final and op.value["member"] == 2

    found = verdict(without(run(), late), guarantee)
    assert found.verdict is UNKNOWN
    assert "not read through member 2 after the faults" in found.reason


def test_a_lost_driver_lets_nobody_be_accused_of_what_it_did_not_tell():
    lost = Op("driver", "driver", Outcome.INFO, 9.0, 9.0, {"event": "lost", "note": "gone"})
    untold = without(run(), lambda op: op.what == "register" and op.value["f"] != "read")
    for of, said in ((untold, UNKNOWN), (run(lax=True), BROKEN)):
        found = verdict(History((*of.ops, lost)), REGISTER)
        assert found.verdict is said, found.reason
    assert "never written" in verdict(untold, REGISTER).reason
    assert verdict(untold, REGISTER).verdict is BROKEN


def test_a_bank_that_nobody_opened_is_unknown():
    found = verdict(without(run(), lambda op: op.value.get("f") == "open"), BANK)
    assert (found.verdict, found.reason) == (UNKNOWN, "no bank was opened")


@pytest.mark.parametrize(
    ("balances", "name"),
    [
        (lambda held: {**held, "account-ab12-0": None}, "no-balance"),
        (lambda held: {**held, "stranger": 0}, "strange-account"),
        (lambda held: dict(list(held.items())[1:]), "missing-account"),
        (lambda held: {name: 500 * (n == 0) for n, name in enumerate(held)}, ""),
        (lambda held: {name: 500 * (n == 0) - (n > 2) for n, name in enumerate(held)}, "negative"),
    ],
)
def test_whatever_is_wrong_with_one_read_of_a_bank_is_found(balances, name):
    read = [op for op in run().of("bank") if op.value["f"] == "read" and op.outcome == "ok"][-1]
    other = replace(read, value={**read.value, "balances": balances(read.value["balances"])})
    found = verdict(changed(run(), lambda op: op is read, lambda _: other), BANK)
    assert found.verdict is (BROKEN if name else HOLDS)
    assert found.reason.startswith(name)
    assert read.index in found.evidence or not name


def test_what_is_read_of_a_compared_key_though_nobody_wrote_it_is_broken():
    cas = next(op for op in run().of("register") if op.value["f"] == "cas")
    key = cas.value["key"]
    read = [
        op
        for op in run().of("register")
        if op.value["f"] == "read" and op.value["key"] == key and op.outcome == "ok"
    ][-1]
    strange = replace(read, value={**read.value, "value": "9.9"})
    found = verdict(changed(run(), lambda op: op is read, lambda _: strange), REGISTER)
    assert (found.verdict, found.evidence[0]) == (BROKEN, read.index)
    assert "never written" in found.reason


def test_the_clocks_error_is_that_of_all_operations_alike_and_hides_no_stale_read():
    for how, said in (({}, HOLDS), ({"lax": True}, BROKEN)):
        blurred = changed(
            run(**how), lambda op: op.what == "register", lambda op: replace(op, error=0.4)
        )
        assert verdict(blurred, REGISTER).verdict is said


def test_a_history_of_no_register_at_all_is_unknown_and_never_raises():
    junk = changed(
        run(),
        lambda op: op.what in MODEL.values(),
        lambda op: replace(op, value={"f": "read", "key": ["x"], "value": {}, "member": 0}),
    )
    for found in judge(junk, [CHECKS[name] for name in IDS]):
        assert found.verdict is UNKNOWN


@given(data=st.data())
def test_no_history_with_operations_missing_is_broken(data):
    whole = run()
    kept = [op for op in whole.ops if op.what not in MODEL.values() or op.value["f"] != "read"]
    reads = [op for op in whole.ops if op not in kept]
    gone = set(data.draw(st.lists(st.sampled_from([op.index for op in reads]), max_size=40)))
    part = without(whole, lambda op: op.index in gone)
    assert BROKEN not in {verdict(part, name).verdict for name in IDS}


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["read", "write", "cas"]),
        st.integers(0, 5),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["ok", "ok", "info"]),
    ),
    max_size=7,
)


def rows(drawn: Sequence[Any]) -> list[Any]:
    """Operations that keep the rules: each process in turn, every value written once."""
    free, made = dict.fromkeys("abc", 0), []
    lives = dict.fromkeys("abc", 0)
    for number, (who, kind, seen, wait, took, outcome) in enumerate(drawn, 1):
        begin = free[who] + wait
        end = begin + took + 1
        old = seen if 0 < seen < number else None
        value: Any = {"read": old, "write": number, "cas": [old, number]}[kind]
        open_ = outcome == "info"
        made.append(
            (f"{who}{lives[who]}", kind, "x", value, begin, None if open_ else end, outcome)
        )
        free[who], lives[who] = end + 1, lives[who] + open_
    return made


@given(drawn=ROWS)
def test_a_history_that_is_closed_is_linearizable_if_the_open_one_is(drawn):
    told = of_rows(rows(drawn))
    open_, shut = (
        judge_model(of_columns(columns), Register()).standing for columns in (told, closed(told))
    )
    assert shut is open_ or (open_ is HOLDS and shut is UNKNOWN and not len(closed(told)))
    assert (closed(told).completed < float("inf")).all()


def test_a_history_that_writes_a_value_twice_cannot_be_closed():
    twice = of_rows([("a", "write", "x", 1, 0, 1, "ok"), ("b", "cas", "x", [2, 1], 0, 1, "ok")])
    with pytest.raises(BadHistory, match="a value that is written once"):
        closed(twice)


def test_who_asks_for_no_model_does_not_wait_for_numpy():
    code = "import sys, seatrial.checks; print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
    assert FAULT in CHECKS[REGISTER].needs

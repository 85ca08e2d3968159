"""Bank, set, queue and counter: by construction good, and each planted defect found."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency.bank import Bank, holds_in_copy, judge_bank
from seatrial.checks.consistency.counter import judge_counter
from seatrial.checks.consistency.judgement import Judgement
from seatrial.checks.consistency.queues import judge_queue
from seatrial.checks.consistency.sets import judge_set
from seatrial.model import Op, Outcome, Standing
from seatrial.testing.operating import names, told

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def did(
    what: str, outcome: Outcome = OK, at: tuple[float, float] | None = None, **value: Any
) -> Op:
    invoked, completed = at or (-1.0, -1.0)
    return Op("client/1", what, outcome, invoked, completed, value)


# --- bank

BANK = Bank(20, frozenset({"a", "b"}))
MOVED = did("transfer", source="a", target="b", amount=3)


def balances(**each: Any) -> Op:
    return did("read", balances=each)


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("wrong-total", balances(a=7, b=14)),
        ("negative", balances(a=-1, b=21)),
        ("missing-account", balances(a=20)),
        ("strange-account", balances(a=7, b=10, c=3)),
        ("no-balance", balances(a=None, b=20)),
    ],
)
def test_each_defect_of_a_bank_is_called_by_its_name(name, op):
    assert judge_bank(told(MOVED, balances(a=7, b=13)), BANK).standing is HOLDS
    found = judge_bank(told(MOVED, balances(a=7, b=13), op), BANK)
    assert (found.standing, found.shown) == (BROKEN, (2,))
    assert names(found) == {name}
    assert not holds_in_copy(op.value["balances"], BANK)


def test_a_declared_overdraft_is_no_breach():
    ops = told(MOVED, balances(a=-1, b=21))
    assert judge_bank(ops, replace(BANK, overdraft=True)).standing is HOLDS


def test_a_restored_copy_is_judged_as_any_read():
    assert holds_in_copy({"a": 7, "b": 13}, BANK)
    assert not holds_in_copy({"a": 7, "b": 10}, BANK)
    assert not holds_in_copy({}, BANK)


def test_accounts_are_known_by_number_or_text():
    ops = told(MOVED, did("read", balances={"1": 5, "2": 15}))
    assert judge_bank(ops, Bank(20, frozenset({1, 2}))).standing is HOLDS


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)), max_size=20),
    st.data(),
)
def test_a_bank_of_transfers_one_by_one_holds_until_one_of_them_is_torn(moves, data):
    state = dict.fromkeys("wxyz", 10)
    reads = [dict(state)]
    for source, target, amount in moves:
        a, b = "wxyz"[source], "wxyz"[target]
        if state[a] >= amount:
            state[a] -= amount
            state[b] += amount
            reads.append(dict(state))
    ops = [MOVED, *(did("read", balances=each) for each in reads)]
    bank = Bank(40, frozenset("wxyz"))
    assert judge_bank(told(*ops), bank).standing is HOLDS
    torn = data.draw(st.integers(0, len(reads) - 1))
    reads[torn]["w"] += 1
    found = judge_bank(told(*ops), bank)
    assert (found.standing, found.shown) == (BROKEN, (torn + 1,))


# --- set


def add(element: Any, outcome: Outcome = OK, at: tuple[float, float] | None = None) -> Op:
    return did("add", outcome, at, element=element)


def elements(*each: Any, at: tuple[float, float] | None = None) -> Op:
    return did("read", at=at, elements=list(each))


SETS = {
    "lost": (add(1), elements(1), elements()),
    "lost at once": (add(1), elements()),
    "lost though nobody knew of it": (add(1, INFO), elements(1), elements()),
    "duplicated": (add(1), add(2), elements(1, 2, 1)),
    "unexpected": (add(1), elements(1, 2)),
    "unexpected, refused": (add(1), add(2, FAIL), elements(1, 2)),
    "unexpected, not yet added": (elements(1), add(1), elements(1)),
}


@pytest.mark.parametrize("name", SETS)
def test_each_defect_of_a_set_is_called_by_its_name(name):
    found = judge_set(told(*SETS[name]))
    assert found.standing is BROKEN
    assert names(found) == {name.split(",")[0].split()[0]}
    assert found.shown


def test_a_set_that_keeps_all_holds_and_says_what_was_recovered():
    ops = told(add(1), add(5), add(2, INFO), add(3, INFO), add(4, FAIL), elements(1, 2, 5))
    found = judge_set(ops)
    assert found.standing is HOLDS
    assert (found.figures["adds"], found.figures["recovered"]) == (2, 1)


def test_what_is_visible_late_is_measured_and_breaks_what_is_promised():
    ops = told(add(1), elements(), elements(), elements(1))
    found = judge_set(ops)
    assert (found.standing, found.figures["stale"]) == (HOLDS, 1)
    assert found.figures["until_visible"]["max"] == 3.0
    assert judge_set(ops, within=3.0).standing is HOLDS
    assert names(judge_set(ops, within=2.9)) == {"stale"}
    assert names(judge_set(ops, within=0)) == {"stale"}


def test_the_seconds_until_an_element_was_lost_are_told():
    found = judge_set(told(add(1), elements(1), elements(1), elements()))
    assert found.figures["until_lost"]["max"] == 4.0


def test_a_read_beside_the_add_or_beside_another_read_loses_nothing():
    beside = told(add(1, at=(0, 3)), elements(at=(2, 4)), elements(1, at=(5, 6)))
    assert judge_set(beside, within=0).standing is HOLDS
    at_once = told(add(1), elements(1, at=(5, 7)), elements(at=(6, 8)))
    found = judge_set(at_once)
    assert (found.standing, "disagree" in found.reason) == (UNKNOWN, True)


def test_an_element_that_was_added_after_the_last_read_is_unknown():
    found = judge_set(told(add(1), elements(1), add(2)))
    assert (found.standing, found.figures["never_read"]) == (UNKNOWN, 1)


def test_an_add_that_was_sent_again_counts_once():
    ops = told(add(1, INFO), elements(1), add(1), elements(1))
    assert judge_set(ops).standing is HOLDS


@given(st.lists(st.sampled_from([OK, OK, FAIL, INFO, "done"]), min_size=1, max_size=12), st.data())
def test_a_set_filled_one_by_one_holds_until_something_is_taken_or_doubled(fates, data):
    held: list[int] = []
    ops: list[Op] = []
    for n, fate in enumerate(fates):
        ops.append(add(n, INFO if fate == "done" else Outcome(fate)))
        held += [n] if fate in {OK, "done"} else []
        ops.append(elements(*held))
    if not held:
        return
    assert judge_set(told(*ops), within=0).standing is HOLDS
    victim = data.draw(st.sampled_from(held))
    gone = [*ops, elements(*(each for each in held if each != victim))]
    assert names(judge_set(told(*gone))) == {"lost"}
    assert names(judge_set(told(*ops, elements(*held, victim)))) == {"duplicated"}
    assert names(judge_set(told(*ops, elements(*held, 99)))) == {"unexpected"}


# --- queue


def put(element: Any, outcome: Outcome = OK, at: tuple[float, float] | None = None) -> Op:
    return did("enqueue", outcome, at, element=element)


def get(element: Any, outcome: Outcome = OK, at: tuple[float, float] | None = None) -> Op:
    return did("dequeue", outcome, at, element=element)


def drain(*each: Any, outcome: Outcome = OK) -> Op:
    return did("drain", outcome, elements=list(each))


QUEUES = {
    "lost": (put(1), put(2), get(2), drain()),
    "duplicated": (put(1), get(1), drain(1)),
    "unexpected": (put(1), get(1), get(7), drain()),
    "unexpected, refused": (put(1), put(7, FAIL), drain(1, 7)),
    "unexpected, not yet sent": (put(2), get(1), put(1), drain(2)),
}


@pytest.mark.parametrize("name", QUEUES)
def test_each_defect_of_a_queue_is_called_by_its_name(name):
    found = judge_queue(told(*QUEUES[name]))
    assert found.standing is BROKEN
    assert names(found) == {name.split(",")[0]}
    assert found.shown


def test_a_queue_that_gives_all_back_holds_and_says_what_was_recovered():
    found = judge_queue(told(put(1), put(2, INFO), put(3, INFO), get(1), drain(2)))
    assert (found.standing, found.figures["recovered"]) == (HOLDS, 1)


def test_delivery_more_than_once_is_no_breach_where_only_at_least_once_is_promised():
    assert judge_queue(told(*QUEUES["duplicated"]), once=False).standing is HOLDS


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ((put(1), get(1)), "not seen empty"),
        ((put(1), drain(1), put(2)), "not seen empty"),
        ((put(1, at=(0, 1)), did("drain", at=(1, 2), elements=[])), "not seen empty"),
        ((put(1), get(None, INFO), drain()), "1 dequeues got"),
        ((put(1), put(2), drain(outcome=INFO), drain()), "1 dequeues got"),
        ((drain(),), "nothing was enqueued"),
        ((put([1]), drain()), "has the element"),
        ((put(1), did("drain", elements=None)), "no list of elements"),
    ],
)
def test_a_queue_that_shows_too_little_is_unknown(ops, said):
    found = judge_queue(told(*ops))
    assert (found.standing, said in found.reason) == (UNKNOWN, True), found.reason


def test_an_empty_answer_proves_that_the_queue_was_drained():
    assert judge_queue(told(put(1), get(1), get(None))).standing is HOLDS
    assert names(judge_queue(told(put(1), get(None)))) == {"lost"}


def test_more_are_lost_than_unknown_dequeues_can_hold():
    found = judge_queue(told(put(1), put(2), get(None, INFO), drain()))
    assert names(found) == {"lost"}


def test_what_came_from_nowhere_is_unknown_when_not_all_that_was_sent_is_known():
    assert judge_queue(told(*QUEUES["unexpected"]), whole=False).standing is UNKNOWN


@given(
    st.lists(st.sampled_from([OK, OK, FAIL, INFO, "done"]), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_a_queue_in_any_order_holds_until_one_element_is_lost_or_doubled(fates, chance):
    sent = [put(n, INFO if fate == "done" else Outcome(fate)) for n, fate in enumerate(fates)]
    held = [n for n, fate in enumerate(fates) if fate in {OK, "done"}]
    sure = [n for n, fate in enumerate(fates) if fate is OK]
    if not sure:
        return
    chance.shuffle(held)
    cut = chance.randint(0, len(held))
    out = [*map(get, held[:cut])]
    assert judge_queue(told(*sent, *out, drain(*held[cut:]))).standing is HOLDS
    victim = chance.choice(sure)
    left = [n for n in held if n != victim]
    assert names(judge_queue(told(*sent, drain(*left)))) == {"lost"}
    assert names(judge_queue(told(*sent, drain(*held, victim)))) == {"duplicated"}


# --- counter


def plus(amount: Any, outcome: Outcome = OK, at: tuple[float, float] | None = None) -> Op:
    return did("add", outcome, at, amount=amount)


def saw(value: Any, at: tuple[float, float] | None = None) -> Op:
    return did("read", at=at, value=value)


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("too-low", (plus(2), saw(1))),
        ("too-high", (plus(2), saw(3))),
        ("too-high", (plus(2), plus(5, FAIL), saw(7))),
        ("too-high", (saw(2), plus(2))),
        ("too-low", (plus(2), plus(-1, INFO), saw(0))),
        ("too-high", (plus(2), plus(-1), saw(2))),
    ],
)
def test_each_defect_of_a_counter_is_called_by_its_name(name, ops):
    found = judge_counter(told(*ops))
    assert (found.standing, names(found)) == (BROKEN, {name})


@pytest.mark.parametrize(
    "ops",
    [
        (plus(2), saw(2)),
        (plus(2), plus(3, INFO), saw(2), saw(5), saw(2)),
        (plus(2, at=(0, 4)), saw(0, at=(1, 2)), saw(2, at=(1, 2))),
        (plus(2), plus(-1, INFO), saw(1)),
    ],
)
def test_a_counter_may_show_what_is_under_way_or_not(ops):
    assert judge_counter(told(*ops)).standing is HOLDS


ADDS = st.tuples(
    st.integers(-3, 3), st.integers(0, 9), st.integers(0, 4), st.sampled_from([OK, FAIL, INFO])
)


@given(
    st.lists(ADDS, min_size=1, max_size=7),
    st.integers(0, 9),
    st.integers(0, 4),
    st.integers(-25, 25),
)
def test_brute_force_agrees_with_the_bounds_of_a_counter(adds, begin, took, value):
    ops = [plus(n, fate, at=(start, start + long)) for n, start, long, fate in adds]
    before = [add for add in adds if add[3] is OK and add[1] + add[2] < begin]
    tried = [add[0] for add in adds if add[3] is not FAIL and add[1] < begin + took]
    sure, surely = sum(add[0] for add in before), [add[0] for add in before]
    low = sure + sum(n for n in tried if n < 0) - sum(n for n in surely if n < 0)
    high = sure + sum(n for n in tried if n > 0) - sum(n for n in surely if n > 0)
    found = judge_counter(told(*ops, plus(0, at=(0, 0)), saw(value, at=(begin, begin + took))))
    assert (found.standing is HOLDS) == (low <= value <= high)


# --- what all have in common

JUDGES: dict[str, tuple[Callable[[Sequence[Any]], Judgement], list[Op]]] = {
    "bank": (lambda ops: judge_bank(ops, BANK), [MOVED, balances(a=7, b=13)]),
    "set": (judge_set, [add(1), elements(1)]),
    "queue": (judge_queue, [put(1), drain(1)]),
    "counter": (judge_counter, [plus(1), saw(1)]),
}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)
FIELDS = ["balances", "element", "elements", "amount", "value"]


@pytest.mark.parametrize("name", JUDGES)
def test_nothing_at_all_is_unknown(name):
    judge, good = JUDGES[name]
    assert judge(told(*good)).standing is HOLDS
    found = judge([])
    assert (found.standing, bool(found.reason)) == (UNKNOWN, True)


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize(
    "bad",
    [
        did("unheard-of"),
        "a line that was cut",
        did("read", at=(5, 1)),
        did("read", at=(float("nan"), 1)),
        replace(did("read"), error=-1.0),
        replace(did("read"), value=None),  # type: ignore[arg-type]
        did("read"),
    ],
    ids=["kind", "line", "back", "no time", "error", "no value", "empty"],
)
def test_what_cannot_be_understood_is_unknown(name, bad):
    judge, good = JUDGES[name]
    if name == "queue" and isinstance(bad, Op):
        bad = replace(bad, what="drain" if bad.what == "read" else bad.what)
    ops = told(*good)
    timed = (
        bad if not isinstance(bad, Op) or bad.invoked >= 0 else replace(bad, invoked=9, completed=9)
    )
    found = judge([*ops, timed])
    assert found.standing is UNKNOWN, found.reason
    assert judge([*ops, ops[0]]).standing is UNKNOWN


@given(st.data())
def test_no_judge_ever_raises_or_holds_for_junk(data):
    judge, good = JUDGES[data.draw(st.sampled_from(sorted(JUDGES)))]
    what = data.draw(st.sampled_from(sorted({op.what for op in good})))
    value = data.draw(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=3))
    outcome = data.draw(st.sampled_from(list(Outcome)))
    found = judge([Op("c", what, outcome, 0.0, 1.0, value)])
    assert found.standing is not HOLDS


def test_a_counter_of_which_not_all_adds_are_known_accuses_nobody():
    ops = told(plus(2), saw(3))
    assert judge_counter(ops, whole=False).standing is UNKNOWN
    assert judge_counter([*ops, replace(plus(None), invoked=0, completed=1)]).standing is UNKNOWN


def test_thousands_of_reads_of_a_set_are_judged():
    chance = random.Random(7)  # noqa: S311 - a test's own
    ops: list[Op] = []
    for n in range(2000):
        ops.append(add(n, at=(n, n + chance.random())))
        if n % 10 == 9:
            ops.append(elements(*range(n + 1), at=(n + 1, n + 2)))
    assert judge_set(told(*ops), within=0).standing is HOLDS

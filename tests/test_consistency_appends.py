"""List-append transactions: every anomaly planted and found, and brute force as second judge."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency.appends import (
    READ_COMMITTED,
    SERIALIZABLE,
    SESSION_SERIALIZABLE,
    STRICT_SERIALIZABLE,
    judge_appends,
)
from seatrial.checks.consistency.judgement import before
from seatrial.model import Op, Outcome, Standing

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
Steps = list[list[Any]]


def a(key: str, value: Any) -> list[Any]:
    return ["append", key, value]


def r(key: str, *seen: Any) -> list[Any]:
    return ["r", key, list(seen)]


def txn(
    *steps: Any, outcome: Outcome = OK, at: tuple[float, float] = (0.0, 1.0), by: str = ""
) -> Op:
    return Op(by, "txn", outcome, *at, {"txn": list(steps)})


def told(*ops: Op) -> list[Op]:
    """Number Ops and give each a process of its own that has none."""
    return [
        replace(op, index=n, process=op.process or f"client/{n}") for n, op in enumerate(ops, 1)
    ]


def one_by_one(*ops: Op) -> list[Op]:
    """Let them happen one after the other."""
    return told(*(replace(op, invoked=2.0 * n, completed=2.0 * n + 1) for n, op in enumerate(ops)))


ANOMALIES = {
    "G0": [
        txn(a("x", 1), a("y", 1)), txn(a("x", 2), a("y", 2)), txn(r("x", 1, 2), r("y", 2, 1)),
    ],
    "G1a": [txn(a("x", 1), outcome=FAIL), txn(r("x", 1))],
    "G1b": [txn(a("x", 1), a("x", 2)), txn(r("x", 1)), txn(r("x", 1, 2))],
    "G1c": [txn(a("x", 1), r("y", 1)), txn(a("y", 1), r("x", 1))],
    "G-single": [txn(r("x"), a("x", 1)), txn(r("x"), a("x", 2)), txn(r("x", 1, 2))],
    "G2": [txn(r("x"), a("y", 1)), txn(r("y"), a("x", 1)), txn(r("x", 1), r("y", 1))],
    "internal": [txn(a("x", 1), r("x"))],
    "incompatible-order": [txn(a("x", 1)), txn(a("x", 2)), txn(r("x", 1, 2)), txn(r("x", 2))],
    "duplicate-elements": [txn(a("x", 1)), txn(r("x", 1, 1))],
    "garbage-read": [txn(a("x", 1)), txn(r("x", 1, 7))],
}  # fmt: skip


# Who saw the half of a transaction saw some of it and overlooked the rest.
COMES_WITH = {"G1b": ["G-single"]}


@pytest.mark.parametrize("name", ANOMALIES)
def test_each_planted_anomaly_is_called_by_its_name(name):
    found = judge_appends(told(*ANOMALIES[name]), SERIALIZABLE)
    assert found.standing is Standing.BROKEN
    assert {one.name for one in found.anomalies} == {name, *COMES_WITH.get(name, ())}
    assert found.shown
    assert found.reason.startswith(f"{name}: ")


@pytest.mark.parametrize("name", ANOMALIES)
def test_what_is_not_forbidden_breaks_nothing(name):
    cycles = ("G0", "G1c", "G-single", "G2")
    weakest = cycles.index("G-single" if name == "G1b" else name) if name in {*cycles, "G1b"} else 4
    found = judge_appends(told(*ANOMALIES[name]), SERIALIZABLE - {name, *cycles[weakest:]})
    assert found.standing is not Standing.BROKEN


LATE = [txn(a("x", 1), at=(0, 1)), txn(r("x"), at=(2, 3)), txn(r("x", 1), at=(4, 5))]


def test_a_stale_read_breaks_the_order_of_real_time_only():
    assert judge_appends(told(*LATE), SERIALIZABLE).standing is Standing.HOLDS
    found = judge_appends(told(*LATE), STRICT_SERIALIZABLE)
    assert (found.standing, found.shown) == (Standing.BROKEN, (1, 2))
    assert found.reason == (
        "G-single-realtime: txn 1 of client/1 ended at 1 s, before txn 2 of client/2 (2 to 3 s) "
        "began; txn 2 of client/2 read x = [] without 1, which txn 1 of client/1 appended (rw)"
    )


def test_the_error_of_a_clock_excuses_a_stale_read():
    unsure = [replace(op, error=0.6) for op in told(*LATE)]
    assert judge_appends(unsure, STRICT_SERIALIZABLE).standing is Standing.HOLDS


def test_a_process_that_does_not_see_what_it_did_breaks_its_session():
    mine = told(*(replace(op, process="client/1") for op in LATE))
    found = judge_appends(mine, SESSION_SERIALIZABLE)
    assert [one.name for one in found.anomalies] == ["G-single-process"]
    assert judge_appends(told(*LATE), SESSION_SERIALIZABLE).standing is Standing.HOLDS


def test_what_nobody_knows_the_end_of_may_happen_after_what_its_process_does_later():
    ops = told(
        txn(a("x", 1), outcome=INFO, at=(0, 1), by="client/1"),
        txn(r("x"), at=(2, 3), by="client/1"),
        txn(r("x", 1), at=(4, 5)),
    )
    assert judge_appends(ops, STRICT_SERIALIZABLE).standing is Standing.HOLDS


def test_a_cycle_is_told_edge_by_edge():
    found = judge_appends(told(*ANOMALIES["G2"]), SERIALIZABLE)
    assert found.reason == (
        "G2: txn 1 of client/1 read x = [] without 1, which txn 2 of client/2 appended (rw); "
        "txn 2 of client/2 read y = [] without 1, which txn 1 of client/1 appended (rw)"
    )
    assert found.shown == (1, 2)


def test_the_shortest_cycle_is_the_explanation():
    ring = [txn(a(f"k{n}", 1), r(f"k{(n + 1) % 6}", 1)) for n in range(6)]
    short = [txn(a("x", 1), r("y", 1)), txn(a("y", 1), r("x", 1), r("k0", 1))]
    assert len(judge_appends(told(*ring), SERIALIZABLE).shown) == 6
    joined = [*ring, *short, txn(a("z", 1), r("k0", 1))]
    joined[0] = txn(a("k0", 1), r("k1", 1), r("x", 1))
    assert judge_appends(told(*joined), SERIALIZABLE).shown == (7, 8)


LOST = [txn(a("x", 1), at=(0, 1)), txn(r("x"), r("y", 1), at=(2, 3)), txn(a("y", 1), at=(0, 1))]


def test_an_acknowledged_append_that_no_later_read_shows_is_lost_or_unknown():
    assert judge_appends(told(*LOST), SERIALIZABLE).standing is Standing.UNKNOWN
    assert "stale" in judge_appends(told(*LOST), SERIALIZABLE).reason
    for found in (
        judge_appends(told(*LOST), STRICT_SERIALIZABLE),
        judge_appends(told(*LOST), SERIALIZABLE, settled=2.0),
    ):
        assert found.standing is Standing.BROKEN
        assert found.anomalies[0].name == "lost-append"
        assert found.shown == (1, 2)


def test_reads_from_before_the_settling_lose_nothing():
    found = judge_appends(told(*LOST), SERIALIZABLE, settled=2.1)
    assert found.standing is Standing.UNKNOWN


def test_an_unknown_transaction_happened_when_it_is_seen_and_else_loses_nothing():
    unseen = told(txn(a("x", 1), outcome=INFO), txn(r("x"), r("y", 1), at=(2, 3)), txn(a("y", 1)))
    assert judge_appends(unseen).standing is Standing.HOLDS
    seen = told(txn(a("x", 1), a("y", 1), outcome=INFO), txn(r("x", 1), r("y"), at=(2, 3)))
    assert [one.name for one in judge_appends(seen).anomalies] == ["G-single"]


def test_two_that_overwrite_each_other_are_found_though_nobody_read_what_they_wrote():
    found = judge_appends(
        told(txn(r("x", 1), a("x", 2)), txn(r("x", 1), a("x", 3)), txn(a("x", 1))), SERIALIZABLE
    )
    assert [one.name for one in found.anomalies] == ["G2"]
    assert found.shown == (1, 2)


def test_a_transaction_that_read_and_then_appended_does_not_stand_against_itself():
    ops = told(txn(a("x", 1)), txn(r("x", 1), a("x", 2), a("x", 3)))
    assert judge_appends(ops, SERIALIZABLE).standing is Standing.HOLDS


def test_nobody_stands_against_himself_among_many_whose_appends_nobody_read():
    blind = [txn(a("x", 10 + n)) for n in range(4)]
    mine = txn(r("x", 1), a("x", 2))
    for place in range(5):
        ops = told(txn(a("x", 1)), *blind[:place], mine, *blind[place:])
        assert judge_appends(ops, SERIALIZABLE).standing is Standing.HOLDS
    both = told(txn(a("x", 1)), blind[0], mine, blind[1], txn(r("x", 1), a("x", 3)))
    assert judge_appends(both, SERIALIZABLE).shown == (3, 5)


def test_appends_of_one_transaction_that_are_read_in_the_other_order_contradict_it():
    swapped = told(txn(a("x", 1), a("x", 2)), txn(r("x", 2, 1)))
    assert {one.name for one in judge_appends(swapped, SERIALIZABLE).anomalies} >= {"internal"}
    skipped = told(txn(a("x", 1), a("x", 2)), txn(r("x", 2)))
    assert {one.name for one in judge_appends(skipped, SERIALIZABLE).anomalies} >= {"internal"}


def test_a_transaction_that_read_what_it_had_yet_to_append_contradicts_itself():
    found = judge_appends(told(txn(r("x", 1, 2), a("x", 1), a("x", 2))), SERIALIZABLE)
    assert [one.name for one in found.anomalies] == ["internal"]


def test_reads_that_are_not_repeated_break_no_read_committed():
    ops = told(txn(a("x", 1)), txn(r("x"), r("x", 1)))
    assert judge_appends(ops, SERIALIZABLE).standing is Standing.BROKEN
    assert judge_appends(ops, READ_COMMITTED).standing is Standing.HOLDS


BAD: dict[str, tuple[Any, str]] = {
    "nothing": ([], "no read shows any append"),
    "no reads": ([txn(a("x", 1))], "no read shows any append"),
    "none shows anything": ([txn(r("x"))], "no read shows any append"),
    "another kind": ([Op("c", "write", OK, 0, 1)], "of a kind that nobody here knows"),
    "no steps": ([Op("c", "txn", OK, 0, 1)], "has no list of steps"),
    "no step": ([txn("append")], "neither append nor read"),
    "an unknown step": ([txn(["cas", "x", 1])], "neither append nor read"),
    "a list for a key": ([txn(["r", ["x"], [1]])], "neither append nor read"),
    "no plain value": ([txn(["append", "x", None])], "no plain value"),
    "a number for a list": ([txn(["r", "x", 1])], "no list of plain values"),
    "a list of lists": ([txn(["r", "x", [[1]]])], "no list of plain values"),
    "truth for a number": ([txn(["r", "x", [True]])], "no list of plain values"),
    "a clock that went back": ([txn(r("x"), at=(2, 1))], "a clock that never goes back"),
    "no time": ([txn(r("x"), at=(float("nan"), 1))], "a time of invocation"),
    "no end": ([txn(r("x"), at=(0, float("inf")))], "a time of completion"),
    "an unknown outcome": ([replace(txn(r("x")), outcome="gone")], "unknown outcome"),  # type: ignore[arg-type]
    "no operation": (["{"], "is no operation"),
    "a value twice": ([txn(a("x", 1)), txn(a("x", 1))], "appended to x more than once"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_cannot_be_judged_is_unknown_with_the_reason(name):
    ops, said = BAD[name]
    good = [] if "no read" in said else told(txn(a("g", 1)), txn(r("g", 1)))
    found = judge_appends([*good, *ops])
    assert (found.standing, said in found.reason) == (Standing.UNKNOWN, True), found.reason


def test_a_line_that_stands_there_twice_is_unknown():
    ops = told(txn(a("x", 1)), txn(r("x", 1)))
    assert "twice" in judge_appends([*ops, ops[1]]).reason


def test_what_is_broken_is_broken_beside_what_cannot_be_understood():
    ops = [*told(*ANOMALIES["G1c"]), txn(["cas", "x", 1])]
    assert judge_appends(ops).standing is Standing.BROKEN


def test_a_read_of_what_may_have_been_appended_by_somebody_unheard_of_is_no_garbage():
    ops = told(*ANOMALIES["garbage-read"])
    assert judge_appends(ops, whole=False).standing is Standing.UNKNOWN
    assert judge_appends([*ops, txn("?")]).standing is Standing.UNKNOWN
    assert judge_appends(told(*ANOMALIES["G2"]), whole=False).standing is Standing.BROKEN


def test_a_process_with_two_transactions_open_at_once_is_unknown_where_its_order_matters():
    ops = told(txn(a("x", 1), by="c"), txn(r("x", 1), at=(0.5, 2), by="c"))
    assert "was not over when its process began" in judge_appends(ops).reason
    assert judge_appends(ops, SERIALIZABLE).standing is Standing.HOLDS


# --- generated histories

KEYS = ("x", "y")


@st.composite
def serial(draw: Any, most: int = 8) -> list[Op]:
    """Run transactions one after the other; some are refused, of some nobody knows."""
    state: dict[str, list[int]] = {key: [] for key in KEYS}
    fresh, ops = itertools.count(1), []
    for _ in range(draw(st.integers(1, most))):
        after = {key: list(seen) for key, seen in state.items()}
        steps: Steps = []
        for key, appends in draw(
            st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=4)
        ):
            if appends:
                steps.append(a(key, next(fresh)))
                after[key].append(steps[-1][2])
            else:
                steps.append(r(key, *after[key]))
        fate = draw(st.sampled_from([OK, OK, OK, FAIL, INFO, "info, but done"]))
        state = after if fate in {OK, "info, but done"} else state
        ops.append(txn(*steps, outcome=INFO if fate == "info, but done" else Outcome(fate)))
    last = txn(*(r(key, *state[key]) for key in KEYS))
    return one_by_one(*ops, last)


@given(serial())
def test_a_serial_history_keeps_the_strictest_promise(ops):
    found = judge_appends(ops)
    assert found.standing in {Standing.HOLDS, Standing.UNKNOWN}, found.reason
    if found.standing is Standing.UNKNOWN:
        assert "no read shows any append" in found.reason


@st.composite
def arbitrary(draw: Any) -> list[Op]:
    """Make a small history whose reads are mostly right, and sometimes of another moment."""
    order = {key: draw(st.permutations(range(1, 4))) for key in KEYS}
    lists: dict[str, Steps] = {key: [a(key, value) for value in range(1, 4)] for key in KEYS}
    txns: list[Steps] = [[] for _ in range(draw(st.integers(2, 4)))]
    for steps in (*lists["x"], *lists["y"]):
        if draw(st.integers(0, 3)):
            txns[draw(st.integers(0, len(txns) - 1))].append(steps)
    for _ in range(draw(st.integers(1, 5))):
        key = draw(st.sampled_from(KEYS))
        read = r(key, *order[key][: draw(st.integers(0, 3))])
        place = txns[draw(st.integers(0, len(txns) - 1))]
        place.insert(draw(st.integers(0, len(place))), read)
    fates = st.sampled_from([OK, OK, OK, OK, INFO, FAIL])
    ends = [(float(draw(st.integers(0, 4))), float(draw(st.integers(1, 4)))) for _ in txns]
    return told(
        *(
            txn(*steps, outcome=draw(fates), at=(b, b + long))
            for steps, (b, long) in zip(txns, ends, strict=True)
        )
    )


def possible(ops: Sequence[Op], *, realtime: bool) -> bool:
    """Try every order of every choice of the unknown transactions."""
    sure = [op for op in ops if op.outcome is OK]
    unsure = [op for op in ops if op.outcome is INFO]
    return any(
        agrees(order) and not (realtime and goes_back(order))
        for count in range(len(unsure) + 1)
        for some in itertools.combinations(unsure, count)
        for order in itertools.permutations([*sure, *some])
    )


def goes_back(order: Sequence[Op]) -> bool:
    pairs = itertools.combinations(order, 2)
    return any(later.outcome is OK and before(later, first) for first, later in pairs)


def agrees(order: Sequence[Op]) -> bool:
    state: dict[str, list[Any]] = {}
    for op in order:
        for kind, key, value in op.value["txn"]:
            if kind == "append":
                state.setdefault(key, []).append(value)
            elif op.outcome is OK and value != state.get(key, []):
                return False
    return True


@given(arbitrary(), st.booleans())
def test_brute_force_agrees_with_the_judge(ops, realtime):
    forbidden = SERIALIZABLE | (
        {f"{n}-realtime" for n in ("G0", "G1c", "G-single", "G2")} if realtime else set()
    )
    found = judge_appends([replace(op, process=f"p/{n}") for n, op in enumerate(ops)], forbidden)
    assert (found.standing is not Standing.BROKEN) == possible(ops, realtime=realtime), found.reason


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats() | st.sampled_from(["r", "append"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1), inner),
    max_leaves=12,
)


@given(JUNK, st.sampled_from(list(Outcome)))
def test_junk_is_never_judged_to_hold_and_never_raises(steps, outcome):
    found = judge_appends([Op("c", "txn", outcome, 0.0, 1.0, {"txn": steps})])
    assert found.standing is not Standing.HOLDS


def many(count: int, *, stale: bool = False) -> list[Op]:
    """Make a serial history over keys of 64 values each; a stale one reads what was before."""
    state: dict[str, list[int]] = {}
    ops: list[Op] = []
    for n in range(count):
        key, other = f"k{n // 128 * 4 + n % 4}", f"k{n // 128 * 4 + n // 4 % 4}"
        seen = state.setdefault(other, [])
        steps = [r(other, *(seen[:-1] if stale else seen)), a(key, n), r(other)]
        state.setdefault(key, []).append(n)
        steps[2][2] = [*steps[0][2], n] if key == other else list(steps[0][2])
        at = (n / 1000, (n + 4) / 1000)
        ops.append(Op(f"client/{n % 8}", "txn", OK, *at, {"txn": steps}, 0.0, n))
    return ops


@pytest.mark.parametrize("stale", [False, True], ids=["good", "one great cycle"])
def test_twenty_thousand_transactions_are_judged(stale):
    found = judge_appends(many(20_000, stale=stale))
    assert found.standing is (Standing.BROKEN if stale else Standing.HOLDS), found.reason

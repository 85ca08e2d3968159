"""Session promises and staleness: each rule shown good and bad, and by its definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency.sessions import (
    ALL,
    MONOTONIC_READS,
    MONOTONIC_WRITES,
    READ_YOUR_WRITES,
    WRITES_FOLLOW_READS,
    judge_sessions,
)
from seatrial.checks.consistency.staleness import Lag, judge_staleness
from seatrial.model import Op, Outcome, Standing
from seatrial.testing.operating import names, told

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def did(who: str, what: str, key: Any, version: Any, **more: Any) -> Op:
    outcome = more.pop("outcome", OK)
    invoked, completed = more.pop("at", (-1.0, -1.0))
    return Op(who, what, outcome, invoked, completed, {"key": key, "version": version, **more})


def w(who: str, key: Any, version: Any, **more: Any) -> Op:
    return did(who, "write", key, version, **more)


def r(who: str, key: Any, version: Any, **more: Any) -> Op:
    return did(who, "read", key, version, **more)


RULES: dict[str, tuple[list[Op], list[Op]]] = {
    READ_YOUR_WRITES: ([w("a", "x", 2), r("a", "x", 2)], [w("a", "x", 2), r("a", "x", 1)]),
    MONOTONIC_READS: ([r("a", "x", 2), r("a", "x", 2)], [r("a", "x", 2), r("a", "x", None)]),
    MONOTONIC_WRITES: ([w("a", "x", 1), w("a", "x", 2)], [w("a", "x", 2), w("a", "x", 1)]),
    WRITES_FOLLOW_READS: ([r("a", "x", 1), w("a", "x", 2)], [r("a", "x", 2), w("a", "x", 1)]),
}


@pytest.mark.parametrize("name", RULES)
def test_each_promise_is_kept_and_broken_on_one_key(name):
    good, bad = (judge_sessions(told(*ops), {name}) for ops in RULES[name])
    assert good.standing is HOLDS, good.reason
    assert (bad.standing, names(bad), bad.shown) == (BROKEN, {name}, (0, 1))


@pytest.mark.parametrize("name", RULES)
def test_what_another_session_did_binds_nobody(name):
    _, (first, second) = RULES[name]
    found = judge_sessions(told(first, replace(second, process="b")), {name})
    assert (found.standing, "could have broken" in found.reason) == (UNKNOWN, True)


@pytest.mark.parametrize("name", RULES)
def test_what_is_not_claimed_breaks_nothing(name):
    _, bad = RULES[name]
    assert judge_sessions(told(*bad), ALL - {name}).standing is UNKNOWN


TORN = {
    MONOTONIC_WRITES: [w("a", "x", 5), w("a", "y", 1)],
    WRITES_FOLLOW_READS: [r("a", "x", 5), w("a", "y", 1)],
}


@pytest.mark.parametrize("name", TORN)
def test_who_saw_a_write_must_see_what_came_before_it(name):
    before = TORN[name]
    both = {name, MONOTONIC_READS}
    late = judge_sessions(told(*before, r("b", "y", 1), r("b", "x", 4)), both)
    assert names(late) == {name}
    assert late.shown == (0, 3)
    assert "had read a later write of a" in late.reason
    seen = told(*before, r("b", "y", 1), r("b", "x", 5), r("b", "x", 5))
    assert judge_sessions(seen, both).standing is HOLDS


@pytest.mark.parametrize("name", TORN)
def test_without_monotonic_reads_only_one_server_can_show_it(name):
    before = TORN[name]

    def found(first: str, second: str) -> Standing:
        reads = r("b", "y", 1, server=first), r("b", "x", 4, server=second)
        return judge_sessions(told(*before, *reads), {name}).standing

    assert (found("s1", "s1"), found("s1", "s2")) == (BROKEN, UNKNOWN)


def test_only_what_came_before_the_write_that_was_seen_binds():
    ops = told(w("a", "y", 1), w("a", "x", 5), r("b", "y", 1), r("b", "x", 4))
    assert names(judge_sessions(ops)) == set()


def test_what_was_not_acknowledged_binds_nobody():
    ops = told(w("a", "x", 2, outcome=INFO), r("a", "x", 1), r("a", "x", 1))
    assert judge_sessions(ops, {MONOTONIC_READS}).standing is HOLDS
    assert judge_sessions(ops, {READ_YOUR_WRITES}).standing is UNKNOWN


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ([], "nothing in the history"),
        ([r("a", "x", 1, at=(0, 5)), r("a", "x", 1, at=(1, 2))], "was not over"),
        ([w("a", "x", 1), w("b", "x", 1)], "have one version"),
        ([w("a", "x", 0)], "has the version 0"),
        ([w("a", "x", None)], "has the version None"),
        ([r("a", "x", "3")], "has the version '3'"),
        ([r("a", ["x"], 3)], "has no key"),
        ([r("a", "x", 1, at=(3, 1))], "a clock that never goes back"),
        ([replace(r("a", "x", 1), what="scan")], "nobody here knows"),
    ],
)
def test_sessions_that_cannot_be_judged_are_unknown(ops, said):
    good = [] if not ops else [r("g", "g", 1), r("g", "g", 1)]
    found = judge_sessions(told(*good, *ops), {MONOTONIC_READS})
    assert (found.standing, said in found.reason) == (UNKNOWN, True), found.reason


@st.composite
def stores(draw: Any) -> list[Op]:
    """Let three sessions use one store of two keys, one operation after the other."""
    state, ops = {"x": 0, "y": 0}, []
    steps = st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.booleans())
    for who, key, writes in draw(st.lists(steps, max_size=14)):
        state[key] += writes
        ops.append((w if writes else r)(who, key, state[key]))
    return told(*ops)


@given(stores())
def test_one_store_breaks_no_session(ops):
    assert judge_sessions(ops).standing is not BROKEN


@given(stores(), st.data())
def test_a_read_set_back_is_found_as_the_definitions_say(ops, data):
    reads = [n for n, op in enumerate(ops) if op.what == "read" and op.value["version"]]
    if not reads:
        return
    victim = data.draw(st.sampled_from(reads))
    version = data.draw(st.integers(0, ops[victim].value["version"] - 1))
    ops[victim] = replace(ops[victim], value={**ops[victim].value, "version": version})
    assert names(judge_sessions(ops)) == by_definition(ops)


def by_definition(ops: Sequence[Op]) -> set[str]:
    found: set[str] = set()
    for n, op in enumerate(ops):
        before = [one for one in ops[:n] if one.process == op.process]
        older = [one for one in before if newer(one, op)]
        first, second = (
            (READ_YOUR_WRITES, MONOTONIC_READS)
            if op.what == "read"
            else (MONOTONIC_WRITES, WRITES_FOLLOW_READS)
        )
        found |= {first if one.what == "write" else second for one in older}
        if op.what != "read":
            continue
        for through in before:
            source = writer_of(ops, through)
            if through.what == "read" and source and source.process != op.process:
                earlier = [o for o in ops[: source.index] if o.process == source.process]
                for one in (o for o in earlier if newer(o, op)):
                    found.add(MONOTONIC_WRITES if one.what == "write" else WRITES_FOLLOW_READS)
    return found


def newer(one: Op, other: Op) -> bool:
    same = one.value["key"] == other.value["key"]
    return bool(same and one.value["version"] > other.value["version"])


def writer_of(ops: Sequence[Op], read: Op) -> Op | None:
    value = {k: read.value[k] for k in ("key", "version")}
    return next((op for op in ops if op.what == "write" and op.value == value), None)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(
    st.sampled_from(["read", "write"]),
    st.dictionaries(st.sampled_from(["key", "version", "server", "member"]), JUNK),
    st.sampled_from(list(Outcome)),
)
def test_junk_is_unknown_and_never_raises(what, value, outcome):
    ops = [Op("c", what, outcome, 0.0, 1.0, value)]
    assert judge_sessions(ops).standing is UNKNOWN
    assert judge_staleness(ops, Lag(0)).standing is UNKNOWN


# --- staleness

STALE = told(w("a", "x", 1), w("a", "x", 2), w("a", "x", 3), r("b", "x", 1, member=2))


def test_a_read_is_as_old_as_the_first_newer_write():
    found = judge_staleness(STALE, Lag(3.0))
    assert found.standing is HOLDS
    assert found.figures["seconds"]["max"] == 3.0
    assert found.figures["versions"]["max"] == 2
    assert found.figures["worst_by_member"] == {"2": 3.0}


@pytest.mark.parametrize("lag", [Lag(2.9), Lag(9, versions=1)])
def test_a_read_older_than_declared_is_broken_by_seconds_or_versions(lag):
    found = judge_staleness(STALE, lag)
    assert (found.standing, found.shown) == (BROKEN, (1, 3))
    assert "saw version 1 of x, 3 s after write 1 of a" in found.reason


def test_the_errors_of_clocks_are_in_the_readers_favour():
    unsure = [replace(op, error=0.5) for op in STALE]
    assert judge_staleness(unsure, Lag(2.0)).standing is HOLDS


def test_what_was_acknowledged_after_the_read_began_makes_nothing_old():
    ops = told(w("a", "x", 1), w("a", "x", 2, at=(2, 9)), r("b", "x", 1, at=(5, 12)))
    assert judge_staleness(ops, Lag(0)).standing is HOLDS


def test_a_write_that_was_acknowledged_out_of_its_order_counts_from_the_first_newer_one():
    ops = told(w("a", "x", 2, at=(0, 8)), w("b", "x", 3, at=(0, 1)), r("c", "x", 1, at=(9, 10)))
    found = judge_staleness(ops, Lag(1.0))
    assert (found.standing, found.figures["seconds"]["max"]) == (BROKEN, 8.0)


@pytest.mark.parametrize(
    "ops",
    [
        [],
        [r("a", "x", 1)],
        [w("a", "x", 1), r("a", "y", None)],
        [w("a", "x", 1, outcome=INFO), r("a", "x", None)],
        [w("a", "x", 1), r("a", "x", 1), r("a", "x", "one")],
    ],
)
def test_reads_that_could_not_be_old_show_nothing(ops):
    assert judge_staleness(told(*ops), Lag(0)).standing is UNKNOWN


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=6),
    st.integers(0, 12),
    st.integers(0, 6),
)
def test_the_age_of_a_read_is_as_its_definition_says(times, begin, version):
    writes = [w("a", "x", n, at=(a, a + b)) for n, (a, b) in enumerate(times, 1)]
    ends = [(op.completed, op.value["version"]) for op in writes]
    late = [begin - end for end, v in ends if v > version and end < begin]
    found = judge_staleness(told(*writes, r("b", "x", version, at=(begin, 99))), Lag(0))
    if not any(end < begin for end, _ in ends):
        assert found.standing is UNKNOWN
        return
    assert found.figures["seconds"]["max"] == max(late, default=0)
    assert (found.standing is BROKEN) == bool(late)
    newest = max(v for end, v in ends if end < begin)
    assert found.figures["versions"]["max"] == max(0, newest - version)


def test_an_answered_read_that_has_no_version_is_one_of_nothing():
    read = Op("a", "read", Outcome.OK, 0.0, 1.0, {"key": 0})
    assert judge_sessions([read]).standing is Standing.UNKNOWN

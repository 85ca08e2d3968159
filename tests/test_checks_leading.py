"""topology.leader: two leaders of one term, a service that nobody leads, and what shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, history, profiles
from seatrial.checks.leading import leader, named
from seatrial.model import History, Op, Outcome, Standing
from seatrial.plan import planned

HELD = history.read(Path(__file__).parent / "histories" / "good" / "led.jsonl")
ETCD, LEDGER = (profiles.load(name, known=checks.CHECKS) for name in ("etcd", "ledger"))


def numbered(ops: Any) -> History:
    return History(tuple(replace(op, index=n) for n, op in enumerate(ops)))


def changed(change: Callable[[Op], Op | None]) -> History:
    return numbered(filter(None, map(change, HELD.ops)))


def answer(op: Op, said: str) -> Op:
    return replace(op, value={**op.value, "answer": said})


def asked(op: Op) -> bool:
    return op.what == "answer" and op.value["question"] == "leader"


def disagrees(op: Op) -> bool:
    return asked(op) and op.value["answer"].endswith("3") and op.value["ordinal"] == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=6, max_size=6))
def test_it_is_broken_just_when_a_term_has_two_leaders(told):
    said = iter(told)

    def anew(op: Op) -> Op:
        if not asked(op):
            return op
        whom, term = next(said)
        return answer(op, f"ledger-{whom} term {term}")

    leaders: dict[int, set[int]] = {}
    for whom, term in told:
        leaders.setdefault(term, set()).add(whom)
    found = leader(changed(anew))
    doubled = any(len(each) > 1 for each in leaders.values())
    assert (found.verdict is Standing.BROKEN) is doubled, found.reason
    agreed = len({whom for whom, _ in told[3:]}) == 1
    assert (found.verdict is Standing.HOLDS) is (agreed and not doubled)


@given(st.floats(0, 60), st.floats(1, 30))
def test_the_others_write_again_within_the_bound_or_it_is_broken(later, within):
    lost = next(op for op in HELD.ops if op.value.get("stage") == "receipt").completed

    def late(op: Op) -> Op:
        if op.index == 0:
            profile = {**op.value["profile"], "bounds": {"topology.leader": {"within": within}}}
            return replace(op, value={**op.value, "profile": profile})
        moved = later if op.invoked >= lost and op.what == "write" else 0.0
        return replace(op, invoked=op.invoked + moved, completed=op.completed + moved)

    found = leader(changed(late))
    first = found.figures["seconds"]
    assert first == pytest.approx(3.8 + later, abs=0.01)
    if abs(first - within) > 0.01:
        assert found.verdict is (Standing.HOLDS if first < within else Standing.BROKEN)


@pytest.mark.parametrize("what", ["quiet", "lost"])
def test_nobody_who_was_not_asked_or_not_heard_left_the_cluster_without_a_leader(what):
    lost = next(op for op in HELD.ops if op.value.get("stage") == "receipt").completed
    kept = [op for op in HELD.ops if op.what != "write" or op.invoked < lost]
    end = kept[-1].completed + 100
    if what == "quiet":
        more = replace(kept[-1], invoked=end, completed=end)
    else:
        more = Op("driver", "driver", Outcome.INFO, end, end, {"event": "lost", "note": "gone"})
    found = leader(numbered([*kept, more]))
    assert found.verdict is Standing.UNKNOWN, found.reason


def test_whoever_was_hit_does_not_count_as_the_others():
    def alone(op: Op) -> Op | None:
        after = op.what == "write" and op.value["member"] != 2 and op.invoked > 1
        return None if after and op.outcome is Outcome.OK else op

    found = leader(changed(alone))
    assert found.verdict is Standing.UNKNOWN
    assert "the run ended before another member acknowledged" in found.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda op: None if op.value.get("stage") == "receipt" else op, "no receipt for process"),
        (lambda op: None if op.what == "role" else op, "no leader was lost"),
        (lambda op: answer(op, "ledger-2") if asked(op) else op, "named a leader and no term"),
        (lambda op: answer(op, "") if asked(op) else op, "named no leader after the faults"),
        (lambda op: None if op.value.get("event") == "collected" else op, "driver"),
        (
            lambda op: answer(op, "ledger-1 term 4") if disagrees(op) else op,
            "members name different leaders in the end: 0 names 0, 1 names 1, 2 names 0",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_unknown_and_says_so(change, reason):
    found = leader(changed(change))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("etcd-1 term 7\n", (1, 7)), ("2", (2, -1)), ("my-set-12", (12, -1)), ("0 term 0", (0, 0)),
        ("", None), ("etcd", None), ("etcd-1 term", None), ("etcd-1 7", None),
    ],
)  # fmt: skip
def test_an_answer_names_an_ordinal_and_perhaps_a_term(said, read):
    assert named(said) == read


def test_its_fault_is_aimed_at_the_leader_where_members_say_who_leads():
    given: Any = {"shape": "s", "timing": "fast", "kubernetes": "", "command": "c", "seed": 1}
    judged = checks.chosen(["topology.leader", "storage.durable"])
    aimed, plain = (
        next(f for f in planned(p, judged, **given).faults if f.fault == "process-kill")
        for p in (ETCD, LEDGER)
    )
    assert (aimed.ordinals, aimed.role) == ((), "leader")
    assert (len(plain.ordinals), plain.role) == (1, "")


def test_how_long_nobody_led_is_told_to_a_millisecond():
    lost = next(op for op in HELD.ops if op.value.get("stage") == "receipt").completed

    def later(op: Op) -> Op:
        moved = 0.12345 if op.what == "write" and op.invoked >= lost else 0.0
        return replace(op, invoked=op.invoked + moved, completed=op.completed + moved)

    seconds = leader(changed(later)).figures["seconds"]
    assert seconds == round(seconds, 3)
    assert seconds != leader(HELD).figures["seconds"]

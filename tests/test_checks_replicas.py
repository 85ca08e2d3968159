"""The judge of replicas: every member answers for every acknowledged write, counted once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, history
from seatrial.checks.ledger import Held, Sent, judge_ledger
from seatrial.checks.replicas import judge_replicas
from seatrial.model import History, Outcome, Standing

OK, INFO = Outcome.OK, Outcome.INFO
FATES = st.sampled_from(["there"] * 6 + ["lost", "altered", "unsure", "late"])
MEMBERS = range(3)


def sent(writer: int, seq: int, outcome: Outcome, at: float) -> Sent:
    return Sent(writer, f"w{writer}", seq, seq * 7, (seq - 1) * 7, outcome, at)


@given(st.lists(st.tuples(st.integers(0, 2), FATES, st.integers(0, 2)), max_size=25))
def test_what_any_member_lacks_is_lost_and_what_is_counted_are_writes(fates):
    told: list[Sent] = []
    held: dict[int, list[list[Any]]] = {m: [] for m in MEMBERS}
    count = dict.fromkeys(("there", "lost", "altered", "unsure", "late"), 0)
    for seq, (writer, fate, victim) in enumerate(fates, 1):
        count[fate] += 1
        outcome, at = (INFO if fate == "unsure" else OK), 99.0 if fate == "late" else seq / 100
        told.append(sent(writer, seq, outcome, at))
        for member in MEMBERS:
            if member == victim and fate in {"lost", "late"}:
                continue
            crc = seq * 7 + (member == victim and fate == "altered")
            held[member].append([f"w{writer}", seq, crc, (seq - 1) * 7])
    found = judge_replicas(told, [Held(m, r, began=50.0) for m, r in held.items()], MEMBERS)
    assert (len(found.lost), len(found.altered)) == (count["lost"], count["altered"])
    assert (found.present, found.unjudged) == (count["there"], count["late"])
    assert found.recovered == count["unsure"]
    assert found.acknowledged == len(fates) - count["unsure"]
    assert sum(loss.records for loss in found.losses) == count["lost"]
    assert (found.unexpected, found.duplicated, found.unread) == ((), (), ())


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([OK, INFO])), max_size=12))
def test_of_one_member_alone_both_judges_say_the_same(writes):
    told = [sent(0, seq, outcome, n / 10) for n, (seq, outcome) in enumerate(writes)]
    reading = Held(0, [["w0", seq, seq * 7, (seq - 1) * 7] for seq in range(1, 5)])
    assert judge_replicas(told, [reading], [0]) == judge_ledger(told, [reading])


def test_a_member_that_was_not_read_leaves_all_open():
    found = judge_replicas([sent(0, 1, OK, 1.0)], [Held(0, [["w0", 1, 7, 0]])], MEMBERS)
    assert (found.unread, found.unjudged, found.present, found.lost) == ((1, 2), 1, 0, ())


def test_a_write_that_was_acknowledged_again_counts_once_as_of_the_first_time():
    told = [sent(0, 1, OK, 3.0), sent(0, 1, OK, 1.0)]
    found = judge_replicas(told, [Held(m, []) for m in MEMBERS], MEMBERS)
    assert [one.completed for one in found.lost] == [1.0]
    assert found.acknowledged == 1


def test_of_two_acknowledgements_at_one_moment_the_one_that_was_told_first_counts():
    told = [sent(0, 1, OK, 1.0), sent(0, 1, OK, 1.0)._replace(op=9)]
    found = judge_replicas(told, [Held(m, []) for m in MEMBERS], MEMBERS)
    assert [one.op for one in found.lost] == [-1]


def test_a_record_that_a_member_holds_altered_and_once_more_as_it_was_sent_is_only_altered():
    records = [["w0", 1, 7, 99], ["w0", 1, 7, 0]]
    found = judge_replicas([sent(0, 1, OK, 1.0)], [Held(m, records) for m in MEMBERS], MEMBERS)
    assert (found.present, len(found.altered), found.unjudged) == (0, 1, 0)


def replica(run: History, *, everywhere: bool) -> History:
    """Give the same run of a replicated workload; `everywhere` each member holds what all do."""
    head = run.ops[0]
    profile = {**head.value["profile"], "replicated": True}
    ops = [replace(head, value={**head.value, "profile": profile}), *run.ops[1:]]
    reads = [op for op in ops if op.what == "read"]
    together = [record for op in reads for record in op.value["records"]]
    copied = {
        op.index: replace(op, value={**op.value, "records": together}) for op in reads
    } if everywhere else {}  # fmt: skip
    return History(tuple(copied.get(op.index, op) for op in ops))


RECORDED = Path(__file__).parent / "histories" / "good"
GOOD = {"durability.acknowledged": "outlived", "storage.durable": "outlived"}


@pytest.mark.parametrize("guarantee", GOOD)
def test_a_replica_holds_only_when_every_member_has_what_any_acknowledged(guarantee):
    plain = history.read(RECORDED / f"{GOOD[guarantee]}.jsonl")
    check = checks.CHECKS[guarantee]
    assert check.check(plain).verdict is Standing.HOLDS
    assert check.check(replica(plain, everywhere=True)).verdict is Standing.HOLDS
    apart = check.check(replica(plain, everywhere=False))
    assert apart.verdict is not Standing.HOLDS, apart.reason

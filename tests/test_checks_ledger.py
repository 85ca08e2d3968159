"""The ledger judge on random ledgers with planted defects, and durability.acknowledged on runs."""

import gc
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks import ledger
from seatrial.checks.ledger import (
    Held,
    LedgerFindings,
    Loss,
    Sent,
    judge_ledger,
    judge_plainly,
)
from seatrial.checks.losses import extent
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

DURABLE = "durability.acknowledged"
OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO


@dataclass
class Planted:
    """A random run of two members with two writers each, and what was done to its records."""

    sent: list[Sent] = field(default_factory=list)
    held: dict[int, list[list[Any]]] = field(default_factory=lambda: {0: [], 1: []})
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def judged(self) -> LedgerFindings:
        return judge_ledger(self.sent, [Held(m, records) for m, records in self.held.items()])


FATES = ["present"] * 8 + [
    "lost",
    "altered",
    "rechained",
    "recovered",
    "vanished",
    "refused",
    "unexpected",
    "duplicated",
    "acknowledged late",
]


@st.composite
def planted(draw: Any) -> Planted:
    run = Planted()
    for member, writer in ((0, "a"), (0, "b"), (1, "a"), (1, "c")):
        for seq in range(1, draw(st.integers(0, 12)) + 1):
            plant(run, (member, writer, seq), draw(st.sampled_from(FATES)))
    return run


def plant(run: Planted, who: tuple[int, str, int], fate: str) -> None:
    member, writer, seq = who
    crc, previous, held = seq * 7, (seq - 1) * 7, run.held[member]
    run.count(fate)

    def send(outcome: Outcome) -> None:
        run.sent.append(Sent(member, writer, seq, crc, previous, outcome, len(run.sent) / 10))

    if fate in {"recovered", "vanished", "acknowledged late"}:
        send(INFO)
    if fate in {"refused", "unexpected"}:
        send(FAIL)
    if fate not in {"recovered", "vanished", "refused", "unexpected"}:
        send(OK)
    if fate not in {"lost", "vanished", "refused"}:
        wrong = {"altered": [crc + 1, previous], "rechained": [crc, previous + 1]}
        held.append([writer, seq, *wrong.get(fate, [crc, previous])])
    if fate == "duplicated":
        held.append([writer, seq, crc, previous])


@given(planted())
def test_what_was_planted_is_what_is_counted(run):
    found, said = run.judged(), run.counts
    got = {
        "lost": len(found.lost),
        "altered": len(found.altered),
        "recovered": found.recovered,
        "unexpected": len(found.unexpected),
        "duplicated": len(found.duplicated),
    }
    wanted = {name: said.get(name, 0) for name in got}
    wanted["altered"] += said.get("rechained", 0)
    assert got == wanted
    good = ("present", "duplicated", "acknowledged late")
    assert found.present == sum(said.get(name, 0) for name in good)
    assert found.acknowledged == found.present + len(found.lost) + len(found.altered)
    assert found.unknown_answers == sum(
        said.get(name, 0) for name in ("recovered", "vanished", "acknowledged late")
    )
    assert found.attempts == len(run.sent)
    assert (found.unjudged, found.out_of_order) == (0, 0)


@given(planted(), st.randoms(use_true_random=False))
def test_the_order_of_concurrent_writers_and_of_readings_does_not_matter(run, chance):
    before = run.judged()
    chance.shuffle(run.sent)
    run.held = dict(reversed(run.held.items()))
    assert run.judged() == before


@given(planted(), st.sets(st.integers(0, 60)))
def test_losses_are_all_that_is_lost_whatever_is_taken_away(run, gone):
    run.held = {
        m: [r for n, r in enumerate(records) if n not in gone] for m, records in run.held.items()
    }
    found = run.judged()
    size = extent(found.losses, {})
    assert size.records == len(found.lost) == size.tail + size.holes
    assert sum(loss.records for loss in found.losses) == len(found.lost)


@given(st.integers(1, 20), st.integers(0, 20))
def test_a_cut_end_is_a_tail_and_its_seconds_reach_to_the_fault(kept, cut):
    sent = [Sent(0, "w", n, n, n - 1, OK, float(n)) for n in range(1, kept + cut + 1)]
    held = [["w", n, n, n - 1] for n in range(1, kept + 1)]
    found = judge_ledger(sent, [Held(0, held)])
    size = extent(found.losses, {0: [2.5, 50.0]})
    assert (size.tail, size.holes) == (cut, 0)
    fault = 2.5 if kept + cut <= 2 else 50.0
    assert size.seconds == (fault - (kept + 1) if cut else 0)
    assert extent(found.losses, {}).seconds == max(0, cut - 1)


def loss(first: float, last: float, later: float | None, records: int = 2) -> Loss:
    begin = Sent(1, "w", 1, 1, 0, OK, first)
    return Loss(begin, begin._replace(completed=last), records, later)


@pytest.mark.parametrize(
    ("later", "hits", "holes"),
    [
        (None, (), 0),
        (3.0, (), 2),
        (3.0, (2.5,), 0),
        (3.0, (3.5,), 2),
        (3.0, (0.5,), 2),
        (None, (2.5,), 0),
    ],
    ids=["end", "no fault", "after the fault", "before it", "fault before all", "fault and end"],
)
def test_a_hole_has_a_later_write_of_before_the_fault(later, hits, holes):
    size = extent([loss(1, 2, later)], {1: hits, 2: (2.1, 3.1)})
    assert (size.holes, size.tail) == (holes, 2 - holes)


def test_the_worst_loss_counts():
    size = extent([loss(1, 2, None), loss(5, 9, None, 3)], {})
    assert (size.records, size.seconds) == (5, 4.0)


def test_what_was_acknowledged_after_the_reading_began_is_not_lost():
    sent = [Sent(0, "w", 1, 1, 0, OK, 5.0), Sent(0, "w", 2, 2, 1, OK, 7.0)]
    found = judge_ledger(sent, [Held(0, [], began=6.0)])
    assert ([one.seq for one in found.lost], found.unjudged) == ([1], 1)


def test_a_member_read_in_part_shows_what_is_wrong_but_not_what_is_lost():
    sent = [Sent(0, "w", n, n, n - 1, OK, float(n)) for n in (1, 2, 3)]
    found = judge_ledger(sent, [Held(0, [["w", 1, 9, 0], ["w", 2, 2, 1]], whole=False)])
    assert (len(found.altered), found.present, found.unjudged) == (1, 1, 1)
    assert (found.lost, found.unread) == ((), (0,))
    assert judge_ledger(sent, []).unjudged == 3


def test_a_record_at_another_member_is_lost_here_and_unexpected_there():
    found = judge_ledger([Sent(0, "w", 1, 1, 0, OK, 1.0)], [Held(0, []), Held(1, [["w", 1, 1, 0]])])
    assert (len(found.lost), len(found.unexpected)) == (1, 1)
    assert found.unexpected[0].member == 1


def test_a_number_that_was_given_again_after_a_loss_is_another_record():
    sent = [Sent(0, "w", 1, 5, 0, OK, 1.0), Sent(0, "w", 1, 6, 0, OK, 9.0)]
    found = judge_ledger(sent, [Held(0, [["w", 1, 6, 0]])])
    assert [one.crc for one in found.lost] == [5]
    assert (found.present, found.altered, found.unexpected) == (1, (), ())
    assert extent(found.losses, {0: [2.0]}).tail == 1


def test_numbers_given_again_after_a_loss_do_not_part_the_loss():
    times = {4: (4.0, 7.0), 5: (5.0, 8.0)}
    sent = [
        Sent(0, "w", seq, seq + 100 * turn, 0, OK, at)
        for seq, both in times.items()
        for turn, at in enumerate(both)
    ]
    found = judge_ledger(sent, [Held(0, [["w", 4, 104, 0], ["w", 5, 105, 0]])])
    assert [(loss.records, loss.later) for loss in found.losses] == [(2, 7.0)]
    assert extent(found.losses, {0: [6.0]}).seconds == 2.0


def test_records_out_of_their_order_are_counted():
    sent = [Sent(0, "w", n, n, n - 1, OK, float(n)) for n in (1, 2, 3)]
    found = judge_ledger(sent, [Held(0, [["w", n, n, n - 1] for n in (1, 3, 2)])])
    assert (found.out_of_order, found.present) == (1, 3)


CELLS = st.sampled_from([1, 1, 2, 2, 3, 4, 5, 6])


@st.composite
def tangled(draw: Any) -> tuple[list[Sent], list[Held]]:
    """Draw attempts and readings that often speak of the same records, in any order."""
    sent = [
        Sent(member, writer, seq, seq + bent, seq - 1, outcome, at / 2)
        for member, writer, seq, bent, outcome, at in draw(
            st.lists(
                st.tuples(
                    st.integers(0, 1),
                    st.sampled_from("ab"),
                    CELLS,
                    st.sampled_from([0, 0, 0, 1]),
                    st.sampled_from([OK, OK, OK, INFO, FAIL]),
                    st.integers(0, 12),
                ),
                max_size=14,
            )
        )
    ]
    held = [
        Held(member, records, whole, (), began)
        for member, records, whole, began in draw(
            st.lists(
                st.tuples(
                    st.integers(0, 2),
                    st.lists(
                        st.tuples(st.sampled_from("abc"), CELLS, st.sampled_from([0, 0, 0, 1])).map(
                            lambda told: [told[0], told[1], told[1] + told[2], told[1] - 1]
                        ),
                        max_size=12,
                    ),
                    st.sampled_from([True, True, False]),
                    st.sampled_from([9.0, 2.0]),
                ),
                max_size=4,
            )
        )
    ]
    return sent, held


@pytest.fixture
def by_columns(monkeypatch):
    """Let columns settle what they can of the smallest ledger."""
    monkeypatch.setattr(ledger, "MANY", 0)


@pytest.mark.usefixtures("by_columns")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tangled())
def test_columns_find_what_is_found_without_them(told):
    assert judge_ledger(*told) == judge_plainly(*told)


@pytest.mark.usefixtures("by_columns")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(planted(), st.sets(st.integers(0, 60)), st.randoms(use_true_random=False))
def test_columns_find_the_same_losses_of_a_longer_ledger(run, gone, chance):
    held = [
        Held(m, [r for n, r in enumerate(records) if n not in gone])
        for m, records in run.held.items()
    ]
    if chance.random() < 0.5:
        chance.shuffle(run.sent)
    assert judge_ledger(run.sent, held) == judge_plainly(run.sent, held)


STRANGE: list[tuple[str, object]] = [
    ("seq", -1), ("seq", 2**70), ("seq", 1.5), ("crc", "7"), ("crc", 2**63), ("previous", None),
    ("completed", 2.0**60), ("completed", math.nan), ("member", -3),
]  # fmt: skip


@pytest.mark.usefixtures("by_columns")
@pytest.mark.parametrize(("cell", "value"), STRANGE)
def test_what_no_column_can_hold_is_judged_all_the_same(cell, value):
    sent = [Sent(0, "w", n, n, n - 1, OK, float(n)) for n in (1, 2, 3, 4)]
    sent[1] = sent[1]._replace(**{cell: value})
    held = [Held(0, [["w", n, n, n - 1] for n in (1, 2, 4)])]
    assert repr(judge_ledger(sent, held)) == repr(judge_plainly(sent, held))
    records = [["w", n, n, n - 1] for n in (1, 2, 4)]
    if cell in {"writer", "seq", "crc", "previous"}:
        records[1][("writer", "seq", "crc", "previous").index(cell)] = value
        assert judge_ledger(sent, [Held(0, records)]) == judge_plainly(sent, [Held(0, records)])


@pytest.mark.usefixtures("by_columns")
@pytest.mark.parametrize("record", [["w", 1, 1], ["w", 1, 1, 0, 5]])
def test_a_record_of_another_length_is_refused_with_columns_as_without(record):
    sent = [Sent(0, "w", n, n, n - 1, OK, float(n)) for n in (1, 2)]
    held = [Held(0, [record, ["w", 2, 2, 1]])]
    for judge in (judge_ledger, judge_plainly):
        with pytest.raises(ValueError, match="values to unpack"):
            judge(sent, held)


def test_a_small_ledger_waits_for_no_numpy():
    program = (
        "import sys; from seatrial.checks.ledger import *; judge_ledger([], []); "
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def uncollected():
    """Look for no cycles meanwhile: among millions of tuples that takes as long as the test."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_million_writes_are_judged():
    count, writers = 1_000_000, 6
    sent = [
        Sent(n % 3, f"w{n % writers}", n // writers + 1, n, n - writers, OK, n / 1000)
        for n in range(count)
    ]
    held: dict[int, list[Sequence[Any]]] = {0: [], 1: [], 2: []}
    for one in sent:
        if one.crc % 100_000 != 99_999:
            held[one.member].append([one.writer, one.seq, one.crc, one.previous])
    found = judge_ledger(sent, [Held(m, records) for m, records in held.items()])
    assert (found.acknowledged, len(found.lost)) == (count, 10)
    assert found == judge_plainly(sent, [Held(m, records) for m, records in held.items()])


def served(story: Story, count: int = 3) -> None:
    for _ in range(count):
        for member in story.members:
            story.writes(member)


def faulted(fault: str = "pod-delete", guarantees: Sequence[str] = (), first: int = 0) -> Story:
    """Tell a run up to its final readings; the load goes on all the time."""
    story = Story({fault: [first + 1]}, guarantees=guarantees, first=first)
    story.deploys()
    served(story)
    story.phase("fault")
    served(story)
    story.drifts(fault, first + 1)
    served(story)
    story.phase("final")
    served(story)
    return story


def read(story: Story) -> Story:
    for member in story.members:
        story.reads(member)
    return story


def verdict(of: Story | History) -> Verdict:
    return checks.CHECKS[DURABLE].check(of.history() if isinstance(of, Story) else of)


def test_a_set_that_counts_from_five_is_judged_by_its_own_members():
    assert verdict(read(faulted(first=5))).verdict is Standing.HOLDS
    unread = faulted(first=5)
    for member in (5, 6):
        unread.reads(member)
    found = verdict(unread)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "member 7 was not read to its end after the faults",
    )


def test_all_that_was_acknowledged_is_there_and_holds():
    story = faulted()
    story.writes(2, INFO)
    story.writes(1, INFO, there=False)
    story.writes(0, FAIL)
    found = verdict(read(story))
    assert found.verdict is Standing.HOLDS, found.reason
    wanted: dict[str, float] = {"acknowledged": 36, "attempts": 39}
    wanted |= {"unknown_answers": 2, "recovered": 1}
    wanted |= {"lost": 0, "rpo_records": 0, "rpo_seconds": 0.0, "tail": 0, "holes": 0}
    assert {name: found.figures[name] for name in wanted} == wanted
    assert found.figures["longest_outage_seconds"] == pytest.approx(3.4)


def test_a_tail_lost_with_the_pod_is_broken_with_its_seconds():
    story = faulted()
    receipt = next(op for op in story.ops if op.value.get("stage") == "receipt")
    lost = [op for op in story.ops if op.what == "write" and op.value["member"] == 1][4:6]
    story.held[1] = [r for r in story.held[1] if r[1] not in {5, 6}]
    found = verdict(read(story))
    assert found.verdict is Standing.BROKEN
    assert {name: found.figures[name] for name in ("rpo_records", "tail", "holes")} == {
        "rpo_records": 2,
        "tail": 2,
        "holes": 0,
    }
    seconds = receipt.completed - lost[0].completed
    assert found.figures["rpo_seconds"] == pytest.approx(seconds, abs=1e-3)
    run = story.history()
    assert run.ops[found.evidence[0]].value["seq"] == 5


def test_a_hole_is_told_apart():
    story = faulted()
    story.held[1] = [r for r in story.held[1] if r[1] != 2]
    found = verdict(read(story))
    assert found.verdict is Standing.BROKEN
    assert (found.figures["tail"], found.figures["holes"]) == (0, 1)


def spoil(record: list[Any], at: int) -> list[Any]:
    return [*record[:at], record[at] + 1, *record[at + 1 :]]


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        (lambda held: [*held[:3], spoil(held[3], 2), *held[4:]], "altered"),
        (lambda held: [*held[:3], spoil(held[3], 3), *held[4:]], "altered"),
        (lambda held: [*held, held[2]], "duplicated"),
        (lambda held: [*held, ["somebody", 1, 1, 0]], "unexpected"),
        (lambda held: [*held, ["w1", 99, 1, 0]], "unexpected"),
    ],
    ids=["crc", "previous", "twice", "another writer", "never sent"],
)
def test_each_planted_defect_of_a_ledger_is_broken(defect, name):
    story = faulted()
    story.held[1] = defect(story.held[1])
    found = verdict(read(story))
    assert found.verdict is Standing.BROKEN
    assert found.figures[name] == 1
    assert found.figures["lost"] == 0


def test_a_write_that_was_refused_and_is_there_is_broken():
    story = faulted()
    refused = story.writes(1, FAIL).value
    story.held[1].append([refused["writer"], refused["seq"], refused["crc"], refused["previous"]])
    assert verdict(read(story)).figures["unexpected"] == 1


def test_a_member_that_calls_its_ledger_corrupt_is_broken():
    story = read(faulted())
    story.reads(0, corrupt=["line 3: no record"])
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert "line 3" in found.reason


def test_a_reading_cut_short_does_not_replace_a_whole_one():
    story = read(faulted())
    story.reads(1, INFO, records=[])
    assert verdict(story).verdict is Standing.HOLDS


def test_a_reading_cut_short_shows_no_loss():
    story = faulted()
    for member in range(3):
        story.reads(member, INFO if member == 1 else OK, records=[] if member == 1 else None)
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "member 1 was not read to its end" in found.reason


def acks(member: int, least: int, most: int) -> Callable[[Op], bool]:
    """Pick the writes of one member by their seq; the records go as well, below."""
    return lambda op: (
        op.what == "write" and op.value["member"] == member and least <= op.value["seq"] <= most
    )


@pytest.mark.parametrize(
    ("lost", "when"),
    [((1, 3), "before"), ((4, 9), "during"), ((10, 12), "after")],
    ids=["before", "during", "after"],
)
def test_too_little_load_is_unknown_and_says_where(lost, when):
    story = faulted()
    story.held[2] = [r for r in story.held[2] if not lost[0] <= r[1] <= lost[1]]
    run = read(story).history()
    idle = History(tuple(op for op in run.ops if not acks(2, *lost)(op)))
    found = verdict(idle)
    assert found.verdict is Standing.UNKNOWN
    assert f"member 2 acknowledged nothing {when} the faults" in found.reason


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (lambda op: op.what == "fault", "no receipt for pod-delete of ordinal 1"),
        (lambda op: op.what == "read", "not read to its end"),
        (lambda op: op.what == "read" and op.value["member"] == 2, "member 2 was not read"),
        (lambda op: op.what == "phase" and op.value["name"] == "final", "no phase 'final'"),
        (lambda op: op.what == "plan", "the plan"),
    ],
    ids=["receipt", "readings", "one reading", "phase", "plan"],
)
def test_without_its_evidence_it_is_unknown_and_says_what(lost, said):
    run = read(faulted()).history()
    found = verdict(History(tuple(op for op in run.ops if not lost(op))))
    assert found.verdict is Standing.UNKNOWN
    assert said in found.reason


def test_no_write_at_all_is_unknown():
    run = read(faulted()).history()
    rest = (op for op in run.ops if op.what != "write")
    blank = (
        replace(op, value={**op.value, "records": []}) if op.what == "read" else op for op in rest
    )
    assert verdict(History(tuple(blank))).verdict is Standing.UNKNOWN


def test_a_driver_that_was_lost_leaves_no_record_unexpected():
    story = read(faulted())
    missing = next(op for op in story.ops if op.what == "write")
    story.ops.remove(missing)
    assert verdict(story).verdict is Standing.BROKEN
    story.says("driver", "driver", {"event": "lost", "node": "d", "note": "its node went"})
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "its node went" in found.reason
    story.reads(1, records=story.held[1][:3])
    assert verdict(story).verdict is Standing.BROKEN


@pytest.mark.parametrize("asked", [True, False], ids=["judged there", "nobody judges it"])
@pytest.mark.parametrize("gone", [{6}, {2}], ids=["tail", "hole"])
def test_a_tail_that_went_with_a_disk_is_left_to_the_guarantee_that_judges_recovery(gone, asked):
    story = faulted(fault="node-lost", guarantees=["recovery.six-stages"] if asked else [])
    story.held[1] = [r for r in story.held[1] if r[1] not in gone]
    found = verdict(read(story))
    excused = asked and gone == {6}
    assert found.verdict is (Standing.HOLDS if excused else Standing.BROKEN)
    assert (found.figures["lost"], found.figures["lost_with_disk"]) == (1, int(excused))


def test_a_write_acknowledged_only_after_the_reading_is_unknown():
    story = read(faulted())
    story.writes(0)
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "only after the final reading" in found.reason


@pytest.mark.parametrize(("cut", "standing"), [(0, Standing.HOLDS), (1, Standing.BROKEN)])
def test_the_order_in_which_writers_are_told_does_not_change_the_verdict(cut, standing):
    story = faulted()
    story.held[1] = story.held[1][cut:]
    run = read(story).history()
    told = verdict(run)
    writes = [op for op in run.ops if op.what == "write"]
    others = [op for op in run.ops if op.what != "write"]

    @given(st.permutations(writes))
    def whatever_order(mixed: list[Op]) -> None:
        found = verdict(History((*others, *mixed)))
        assert found.verdict is standing
        assert found.figures == told.figures

    whatever_order()


@given(st.sets(st.integers(1, 12)), st.integers(0, 2))
def test_whatever_is_taken_from_a_member_is_lost_and_nothing_else(gone, member):
    story = faulted()
    story.held[member] = [r for r in story.held[member] if r[1] not in gone]
    found = verdict(read(story))
    assert found.verdict is (Standing.BROKEN if gone else Standing.HOLDS)
    assert found.figures["lost"] == found.figures["rpo_records"] == len(gone)

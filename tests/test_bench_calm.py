"""Calm histories: what is kept is read once, every judge sees it, and an accusation is counted."""

from __future__ import annotations

import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial import history
from seatrial.bench import BENCHES, calm, measured
from seatrial.bench.ledgers import LEDGERS, written
from seatrial.errors import CannotRun
from seatrial.model import History, Op, Outcome, Standing
from seatrial.progress import Quiet

HOLDS, BROKEN, OK = Standing.HOLDS, Standing.BROKEN, Outcome.OK


@pytest.fixture(scope="module")
def real() -> History:
    """Give one kept history of a real run, which the campaign read three times."""
    packed = Path(__file__).parent / "histories" / "calm"
    return calm.read(next(iter(sorted(packed.glob("20261122T0152*.xz")))))


def altered(run: History, records: Any) -> History:
    """Let the final readings show other records."""

    def read(op: Op) -> Op:
        if op.what != "read" or op.value["phase"] != "final":
            return op
        return replace(op, value={**op.value, "records": records(op.value["records"])})

    return History(tuple(map(read, run.ops)))


def said(run: History) -> dict[str, Standing]:
    return {name: judge(run).standing for name, judge in LEDGERS.items()}


def test_every_judge_that_can_take_a_ledger_holds_a_real_run(real):
    assert said(real) == dict.fromkeys(LEDGERS, HOLDS)


DEFECTS = {
    "lost at the end": (
        lambda records: records[:-5],
        {*LEDGERS} - {"sessions"},
    ),
    "lost in the middle": (
        lambda records: [*records[:5], *records[6:]],
        {"set", "queue", "counter", "list-append", "visibility"},
    ),
    "twice": (
        lambda records: [*records[:5], records[4], *records[5:]],
        {"set", "queue", "counter", "list-append"},
    ),
    "of nobody": (
        lambda records: [*records[:5], ["nobody", 1, 1, 0], *records[5:]],
        {"set", "queue", "counter", "list-append"},
    ),
    "set back behind an earlier reading": (
        lambda records: records[:1],
        {*LEDGERS},
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_judge_finds_the_defects_that_it_can_see(real, name):
    defect, finders = DEFECTS[name]
    found = said(altered(real, defect))
    assert {judge for judge, standing in found.items() if standing is BROKEN} == finders


def test_without_anything_written_nothing_is_shown(real):
    idle = History(tuple(op for op in real.ops if op.what not in {"write", "read"}))
    assert {*said(idle).values()} == {Standing.UNKNOWN}


def test_a_record_that_is_sent_again_is_written_once(real):
    write = next(op for op in real.of("write") if op.outcome is Outcome.OK)
    unsure = replace(write, outcome=Outcome.INFO, completed=write.completed)
    later = replace(write, invoked=write.completed + 1, completed=write.completed + 2)
    refused = replace(later, outcome=Outcome.FAIL)
    (once,) = written(History((unsure, later, refused)))
    assert (once.outcome, once.invoked, once.completed) == (OK, write.invoked, later.completed)
    (open_,) = written(History((unsure, refused)))
    assert open_.outcome is Outcome.INFO


def kept(tmp_path: Path, run: History, count: int) -> list[Path]:
    path = tmp_path / "one.jsonl.xz"
    path.write_bytes(lzma.compress(b"".join(map(history.line, run.ops))))
    return [path] * count


def test_fewer_than_fifty_are_no_sample_and_never_pass(real, tmp_path, monkeypatch):
    few = kept(tmp_path, real, 3)
    monkeypatch.setattr(calm, "kept", lambda: few)
    row = measured(BENCHES["judges-calm"], Quiet())
    assert (row["ours"], row["holds"]) == ([], False)
    count = measured(BENCHES["judges-calm-histories"], Quiet())
    assert (count["ours"], count["holds"]) == ([3], False)


def test_an_accusation_is_counted_with_its_judge_and_file(real, tmp_path, monkeypatch):
    class Heard(Quiet):
        notes: list[str] = []  # noqa: RUF012 - one test's own

        def note(self, text: str) -> None:
            self.notes.append(text)

    monkeypatch.setattr(calm, "FEWEST", 2)
    assert calm.alarms(Quiet(), kept(tmp_path, real, 2)) == [0]
    lossy = altered(real, lambda records: records[:-5])
    (accused,) = calm.alarms(Heard(), kept(tmp_path, lossy, 2))
    assert accused >= 2 * len({*LEDGERS} - {"sessions"})
    assert any("one.jsonl.xz: durability.acknowledged: " in note for note in Heard.notes)


def test_a_run_that_is_kept_twice_is_judged_once(tmp_path, monkeypatch):
    packed = {path.name.partition(".")[0] for path in calm.kept()}
    monkeypatch.chdir(tmp_path)
    name = min(packed)
    for run in (name, "20990101T000000Z-ledger-1"):
        made = tmp_path / "reports" / "runs" / "calm" / run
        made.mkdir(parents=True)
        (made / "history.jsonl").touch()
    names = [p.parent.name if p.suffix == ".jsonl" else p.name for p in calm.kept()]
    assert len(names) == len({*names})
    assert "20990101T000000Z-ledger-1" in names


def test_a_history_that_is_cut_is_named(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'{"process": "a", "wh')
    with pytest.raises(CannotRun, match="1 lines that are none"):
        calm.read(path)

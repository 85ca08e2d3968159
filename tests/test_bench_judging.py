"""The bench of judges: its histories are what they say, and a wrong judge is told."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.bench import BENCHES, agreeing, judging, large, measured
from seatrial.bench.row import Sizes
from seatrial.checks.consistency import Judgement, checked, conflict, judge_register, zones
from seatrial.checks.consistency.columns import INFO, READ
from seatrial.checks.ledger import judge_ledger
from seatrial.errors import CannotRun, ToolFailed
from seatrial.model import Standing
from seatrial.progress import Quiet

SMALL = Sizes(operations=2000, limit=2)
PEERED = [row for row in BENCHES if row.startswith(("judges-porcupine", "judges-verdicts"))]


@given(st.integers(10, 300), st.integers(0, 20), st.integers(0, 1000), st.integers(1, 5))
def test_a_simulated_history_keeps_the_rules_and_holds(operations, opened, seed, keys):
    told = checked(judging.history(operations, opened, seed=seed, keys=keys))
    assert conflict(told) is None
    assert len(told) == operations + opened
    assert (told.outcome == INFO).sum() == opened


def test_some_of_the_open_writes_are_read_and_some_are_not():
    told = judging.history(20_000, 64)
    opened = set(told.value[told.outcome == INFO].tolist())
    read = set(told.value[told.kind == READ].tolist())
    assert opened & read
    assert opened - read


def test_a_stale_read_is_found():
    told = judging.stale(judging.history(20_000))
    assert judge_register(told).standing is Standing.BROKEN


@pytest.mark.parametrize("zones_together", [1, 7, 100])
def test_the_same_operations_conflict_however_few_zones_are_looked_at_together(
    monkeypatch, zones_together
):
    told = [judging.stale(judging.history(300, seed=seed, keys=9)) for seed in range(30)]
    whole = [judge_register(one).shown for one in told]
    monkeypatch.setattr(zones, "_BLOCK", zones_together)
    assert [judge_register(one).shown for one in told] == whole


def test_a_judge_that_accuses_a_good_history_ends_the_bench(monkeypatch):
    right = judging.history
    monkeypatch.setattr(judging, "history", lambda *a, **k: judging.stale(right(*a, **k)))
    with pytest.raises(CannotRun, match="linearizable"):
        measured(BENCHES["judges-register"], Quiet(), SMALL)


def test_a_history_that_is_judged_slowly_does_not_hold(monkeypatch):
    monkeypatch.setattr(judging, "_seconds", lambda *_: 3.5)
    assert not measured(BENCHES["judges-register"], Quiet(), SMALL)["holds"]
    assert not measured(BENCHES["judges-load"], Quiet(), SMALL)["holds"]


def test_a_judge_that_takes_a_hundred_times_as_long_for_ten_times_as_much_does_not_hold(
    monkeypatch,
):
    def growing(power: float) -> dict[str, Any]:
        monkeypatch.setattr(judging, "_seconds", lambda _, told: len(told) ** power)
        return measured(BENCHES["judges-register-growth"], Quiet(), SMALL)

    assert growing(1)["holds"]
    assert not growing(2)["holds"]


def test_another_verdict_of_the_peer_is_counted_and_none_within_the_limit_is_not(monkeypatch):
    def says(verdict: str) -> dict[str, Any]:
        monkeypatch.setattr(
            judging, "second_opinions", lambda told, *_: [judging.Judged(verdict, 0.1)] * len(told)
        )
        return measured(BENCHES["judges-verdicts"], Quiet(), SMALL)

    assert says("Unknown")["ours"] == [0]
    row = says("Illegal")
    assert row["ours"][0] >= judging._SMALL / 2
    assert not row["holds"]


def test_without_go_no_row_that_asks_the_peer_holds_a_bar_and_the_reason_is_said(monkeypatch):
    class Heard(Quiet):
        notes: list[str] = []  # noqa: RUF012 - one test's own

        def note(self, text: str) -> None:
            self.notes.append(text)

    def no_go(*_: object) -> None:
        raise ToolFailed("go build", seen="no such file: go")

    monkeypatch.setattr(judging, "built", no_go)
    row = measured(BENCHES["judges-verdicts"], Heard(), SMALL)
    assert (row["ours"], row["holds"]) == ([], False)
    assert "no such file: go" in Heard.notes[0]
    assert measured(BENCHES["judges-porcupine-16"], Quiet(), SMALL)["peer"] == []


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go to build the peer")
@pytest.mark.parametrize("name", PEERED)
def test_porcupine_never_says_otherwise(name):
    row = measured(BENCHES[name], Quiet(), replace(SMALL, limit=60))
    assert row["holds"], row
    assert row["ours"]


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go to build the peer")
def test_porcupine_finds_what_we_find():
    good = judging.history(2000, 4)
    said = judging.second_opinions([good, judging.stale(judging.history(2000))], 30, Quiet())
    assert [one.verdict for one in said] == ["Ok", "Illegal"]


SMALLEST = Sizes(operations=3000, transactions=300, histories=150, rounds=1)
LARGE = ("judges-ledger", "judges-list-append")
AGREEMENTS = [row for row in BENCHES if row.startswith("judges-agreement-")]


@pytest.mark.parametrize("name", [*LARGE, "judges-list-append-growth"])
def test_large_histories_are_judged_and_timed(name):
    row = measured(BENCHES[name], Quiet(), SMALLEST)
    assert row["ours"]
    assert min(row["ours"]) > 0


@pytest.mark.parametrize("name", LARGE)
def test_a_large_history_that_is_judged_slowly_does_not_hold(name, monkeypatch):
    monkeypatch.setattr(large, "seconds", lambda _: 11.0)
    assert not measured(BENCHES[name], Quiet(), SMALLEST)["holds"]


def test_a_ledger_judge_that_overlooks_a_loss_ends_the_bench(monkeypatch):
    monkeypatch.setattr(large, "judge_ledger", lambda sent, _: judge_ledger(sent, []))
    with pytest.raises(CannotRun, match="10 lost writes"):
        measured(BENCHES["judges-ledger"], Quiet(), SMALLEST)


def test_a_judge_that_accuses_serializable_transactions_ends_the_bench(monkeypatch):
    broken = Judgement(Standing.BROKEN, "because")
    monkeypatch.setattr(large, "judge_appends", lambda _: broken)
    with pytest.raises(CannotRun, match="strictly serializable"):
        measured(BENCHES["judges-list-append"], Quiet(), SMALLEST)


def test_every_model_that_is_held_against_the_truth_has_a_row():
    assert [f"judges-agreement-{name}" for name in agreeing.MODELS] == AGREEMENTS


@pytest.mark.parametrize("name", AGREEMENTS)
def test_our_judges_and_the_truth_agree(name):
    assert measured(BENCHES[name], Quiet(), SMALLEST)["ours"] == [0]


@pytest.mark.parametrize("name", agreeing.MODELS)
def test_a_judge_that_is_wrong_now_and_then_is_counted(name, monkeypatch):
    model, asked = agreeing.MODELS[name], itertools.count()

    def wrong(told: Any) -> bool:
        return model.ours(told) ^ (next(asked) % 50 == 0)

    monkeypatch.setitem(agreeing.MODELS, name, replace(model, ours=wrong))
    row = measured(BENCHES[f"judges-agreement-{name}"], Quiet(), SMALLEST)
    assert (row["ours"], row["holds"]) == ([3], False)


def test_histories_that_are_all_good_show_no_agreement(monkeypatch):
    model = replace(agreeing.MODELS["bank"], truth=lambda _: True)
    monkeypatch.setitem(agreeing.MODELS, "bank", model)
    with pytest.raises(CannotRun, match="150 good of 150"):
        measured(BENCHES["judges-agreement-bank"], Quiet(), SMALLEST)

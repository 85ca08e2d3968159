"""The bench, in small: what it counts as lost is lost, and a row that does not hold says so."""

import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import cli
from seatrial.bench import BENCHES, holds, losses, measured, watchers
from seatrial.bench.row import Bench, Sizes
from seatrial.bench.watchers import Notes
from seatrial.kube.watch import Stream
from seatrial.progress import Quiet
from seatrial.testing.state import FakeApi
from seatrial.testing.storm import Happened, Weather, storm

SMALL = Sizes(
    transitions=4000, beside=2000, events=20, operations=20_000, limit=2, histories=100,
    transactions=1000,
)  # fmt: skip
FIGURES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=9)


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr("seatrial.kube.watch._PAUSE", 0.01)


# tests/test_bench_judging.py has them: they ask a peer built by Go, or compare milliseconds;
# tests/test_mutants.py has the mutants, tests/test_bench_recovering.py restores.
ELSEWHERE = (
    "judges-porcupine", "judges-verdicts", "judges-register-growth", "judges-agreement",
    "judges-list-append-growth", "judges-mutants", "recovery-restore", "recovery-growth",
)  # fmt: skip
HERE = [name for name, row in BENCHES.items() if not row.cluster and not name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("name", HERE)
def test_every_row_that_needs_no_cluster_is_measured_and_holds(name):
    row = measured(BENCHES[name], Quiet(), SMALL)
    assert set(row) == {"name", "unit", "ours", "peer", "better", "bar", "holds"}
    assert row["holds"], row
    assert json.loads(json.dumps(row)) == row


def test_the_reaction_is_sampled_as_often_as_asked_and_never_before_the_read():
    ours = measured(BENCHES["watch-reaction"], Quiet(), SMALL)["ours"]
    assert len(ours) == SMALL.events
    assert all(sample > 0 for sample in ours)


def test_a_slow_waiter_is_measured_as_slow(monkeypatch):
    taken = Stream._take

    def slow(self, *args):
        taken(self, *args)
        self._closing.wait(0.02)

    monkeypatch.setattr(Stream, "_take", slow)
    row = measured(BENCHES["watch-reaction"], Quiet(), SMALL)
    assert statistics.median(row["ours"]) > 15
    assert not row["holds"]


def test_a_watch_that_says_nothing_of_its_gaps_is_found_losing(monkeypatch):
    monkeypatch.setattr(Stream, "_gap", lambda *_: None)
    row = measured(BENCHES["watch-unmarked-losses"], Quiet(), SMALL)
    assert row["ours"][0] > 0
    assert not row["holds"]


def test_a_watch_that_forgets_one_in_a_hundred_is_found_losing(monkeypatch):
    taken = Stream._take

    def forgetful(self, name, kind, event, found):
        if found.metadata.version % 100:
            taken(self, name, kind, event, found)

    monkeypatch.setattr(Stream, "_take", forgetful)
    monkeypatch.setattr(watchers, "_PATIENCE", 0.2)
    assert losses.weathered(watchers.ours, 1000).lost >= 5


def test_the_storm_is_the_same_for_the_same_seed_and_another_for_another():
    def told(seed: int) -> tuple[Happened, ...]:
        nothing = Weather(kills=2)
        return storm(
            FakeApi(), seed, 500, kill=lambda: None, breathe=lambda _: None, weather=nothing
        )

    assert told(1) == told(1)
    assert told(1) != told(2)
    assert len(told(1)) >= 500


def test_what_lies_inside_a_gap_is_marked_and_what_does_not_is_lost():
    notes = Notes()
    notes.told("a", 5)
    notes.told("b", 9, "DELETED")
    notes.gap(5, 7)
    happened = (
        Happened("a", 5, "ADDED"),
        Happened("a", 6, "MODIFIED"),
        Happened("b", 8, "DELETED"),
        Happened("c", 8, "ADDED"),
    )
    assert (notes.lost(happened), notes.marked(happened)) == (1, 1)


@given(FIGURES, FIGURES, st.sampled_from(["lower", "higher"]))
def test_a_bar_is_on_the_ratio_of_the_medians(ours, peer, better):
    ratio = statistics.median(ours) / statistics.median(peer)
    assert holds(ours, peer, better, ratio)
    assert holds(ours, peer, better, ratio * (2 if better == "lower" else 0.5))
    assert not holds(ours, peer, better, ratio * (0.5 if better == "lower" else 2))


@given(FIGURES, st.sampled_from(["lower", "higher"]))
def test_a_bar_without_a_peer_is_on_the_median(ours, better):
    middle = statistics.median(ours)
    assert holds(ours, None, better, middle)
    assert not holds(ours, None, better, middle * (0.5 if better == "lower" else 2))


def test_without_samples_no_bar_holds_and_without_a_bar_every_row_does():
    assert not holds([], None, "lower", 5)
    assert not holds([1], [], "lower", 5)
    assert not holds([1], [0], "lower", 5)
    assert holds([1], [0], "lower", None)


def _row(name: str, ours: float) -> Bench:
    return Bench(name, "a sentence", "ms", lambda *_: ([ours], None), bar=1)


@pytest.mark.parametrize(("ours", "code"), [(1, 0), (2, 1)])
def test_the_command_prints_a_list_of_rows_and_its_code_is_whether_all_hold(
    ours, code, capsys, monkeypatch
):
    monkeypatch.setattr("seatrial.cli.measuring.BENCHES", {"a": _row("a", 0), "b": _row("b", ours)})
    assert cli.called(["bench", "--json"]) == code
    said = capsys.readouterr()
    assert [(r["name"], r["holds"]) for r in json.loads(said.out)] == [
        ("a", True), ("b", code == 0),
    ]  # fmt: skip
    assert "s left" in said.err
    assert cli.called(["bench", "b"]) == code
    assert "at most 1" in capsys.readouterr().out


def test_an_unknown_row_is_a_wrong_call_that_names_the_nearest(capsys):
    assert cli.called(["bench", "watch-reactoin"]) == 4
    assert "did you mean watch-reaction?" in capsys.readouterr().err


def test_an_interrupted_bench_leaves_no_server_and_no_file(capsys, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(losses, "storm", interrupted)
    assert cli.called(["bench", "watch-unmarked-losses"]) == 130
    assert "wanted: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

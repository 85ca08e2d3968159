"""Both figures of each member side by side, and in a sentence where they cannot both be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seatrial import report
from seatrial.model import History, Op, Outcome
from seatrial.report.metrics import figures, remarks

SAMPLE = Path(__file__).parent / "histories" / "sample-run"
COMPARED = {
    "event": "compared", "member": 1, "note": "", "since": 3.0, "until": 23.0, "seconds": 20.0,
    "counted": 400.0, "acknowledged": 398, "least": 360, "most": 440,
    "unscraped": (),
}  # fmt: skip
WRONG = "from 3.0 s to 23.0 s it counted 800 writes, and its clients' answers allow 360 to 440"


def metric(outcome: Outcome, **value: Any) -> Op:
    return Op("prometheus", "metric", outcome, 30.0, 30.5, value)


def record(*ops: Op) -> History:
    return History((Op("run", "plan", Outcome.OK, 0, 0, {"profile": {"set": "ledger"}}), *ops))


def test_members_have_both_figures_and_their_rates():
    (row,) = figures(record(metric(Outcome.OK, **COMPARED)))
    assert (row.member, row.word, row.note) == ("ledger-1", "agree", "")
    assert row.rates == (20.0, 19.9)


def test_a_disagreement_is_a_sentence_and_an_agreement_is_none():
    agree, lie = metric(Outcome.OK, **COMPARED), metric(Outcome.FAIL, **COMPARED | {"note": WRONG})
    assert list(remarks(record(agree))) == []
    (said,) = remarks(record(lie))
    assert said == f"Prometheus and our clients disagree about ledger-1: {WRONG}."


def test_times_that_were_not_scraped_are_told_beside_an_agreement():
    gap = "unknown from 9.0 s to 12.0 s: it did not answer (up = 0)"
    (row,) = figures(record(metric(Outcome.OK, **COMPARED | {"unscraped": [gap]})))
    assert (row.word, row.note) == ("agree", gap)


def test_nothing_to_compare_is_unknown_and_no_agreement():
    nothing = COMPARED | {"seconds": 0.0, "counted": 0.0, "acknowledged": 0, "note": "nothing"}
    (row,) = figures(record(metric(Outcome.INFO, **nothing)))
    assert (row.word, row.rates) == ("unknown", (0.0, 0.0))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.FAIL, ["At 30.5 s the query up did not keep its bounds: why."]),
        (Outcome.INFO, ["At 30.5 s the query up said nothing: why."]),
        (Outcome.OK, []),
    ],
)
def test_a_query_that_was_not_steady_is_told_with_its_reason(outcome, said):
    assert list(remarks(record(metric(outcome, event="steady", query="up", note="why")))) == said


def test_a_prometheus_that_was_never_there_is_told():
    missing = metric(Outcome.INFO, event="missing", note="its image could not be loaded")
    assert list(remarks(record(missing))) == [
        "Prometheus told nothing: its image could not be loaded."
    ]


@pytest.mark.parametrize(("outcome", "word"), [(Outcome.OK, "agree"), (Outcome.FAIL, "disagree")])
def test_page_and_summary_show_both_figures_and_whether_they_agree(outcome, word, tmp_path):
    run = Path(shutil.copytree(SAMPLE, tmp_path / "run"))
    note = WRONG if outcome is Outcome.FAIL else ""
    line = {
        "process": "prometheus", "what": "metric", "outcome": outcome, "error": 0.0,
        "invoked": 1e6, "completed": 1e6, "value": COMPARED | {"note": note},
    }  # fmt: skip
    with (run / "history.jsonl").open("r+") as file:
        index = len(file.readlines())
        file.write(json.dumps({**line, "index": index}) + "\n")
    page, summary = (file.read_text() for file in report.write(run, ["html", "markdown"]))
    assert "What Prometheus counted" in page
    assert "400 (20.0/s)" in page
    assert f">{word}" in page
    assert "| 20 s | 400 (20.0/s) | 398 (19.9/s) |" in summary
    assert f"| {word}" in summary


def test_a_run_without_prometheus_shows_nothing_of_it(tmp_path):
    run = Path(shutil.copytree(SAMPLE, tmp_path / "run"))
    for file in report.write(run, ["html", "markdown"]):
        assert "What Prometheus counted" not in file.read_text()

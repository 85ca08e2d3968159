"""How many runs a claim needs, how many are there, how long it takes, and what they show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial import cli, edition
from seatrial.cli import claiming
from seatrial.cli.claiming import ordered, shown
from seatrial.errors import BadInput
from seatrial.model import Plan, PlannedFault, Standing

ID = "storage.rebind"
PLAN = Plan(
    "ledger", "s", "fast", 1, (ID,), (PlannedFault("pod-delete", (1, 0)),), "c", "1.34", edition="e"
)


def a_run(
    out: Path, seed: int, verdict: str = "holds", seconds: float = 60, **changes: str
) -> None:
    folder = out / f"2026-ledger-{seed}"
    folder.mkdir()
    plan: dict[str, Any] = {
        "profile": "ledger",
        "shape": "s",
        "timing": "fast",
        "kubernetes": "1.34",
    }
    plan |= {"seed": seed, "edition": "e", "faults": [{"fault": "pod-delete", "ordinals": [0, 2]}]}
    (folder / "plan.json").write_text(json.dumps(plan | changes))
    rows = [{"guarantee": ID, "verdict": verdict}]
    judged = {"edition": edition.ours(), "seconds": seconds, "verdicts": rows}
    (folder / "verdicts.json").write_text(json.dumps(judged))


def claim(out: Path, rate: float = 0.1, plan: Plan = PLAN) -> claiming.Order:
    return ordered(plan, out, runs=1, rate=rate, confidence=0.95)


def test_a_tenth_at_95_percent_takes_29_runs_and_nobody_knows_how_long(tmp_path):
    found = claim(tmp_path)
    assert len(found.seeds) == 29
    assert found.sentence == (
        "to claim at 95 % that fewer than 10 % of runs break a guarantee, 29 runs are needed "
        "without a failure; none of them there, 29 to make; "
        "how long one takes is known after the first"
    )


def test_runs_that_lie_there_count_and_say_how_long_the_others_take(tmp_path):
    for seed, seconds in ((1, 60), (2, 300), (4, 240)):
        a_run(tmp_path, seed, seconds=seconds)
    found = claim(tmp_path)
    assert (len(found.seeds), found.seeds[:3]) == (26, (3, 5, 6))
    assert found.sentence.endswith("3 of them there, 26 to make, about 1.7 h (one took 4.0 min)")


def test_a_failure_that_lies_there_makes_it_more(tmp_path):
    a_run(tmp_path, 1, "broken")
    found = claim(tmp_path)
    assert len(found.seeds) == 46 - 1
    assert "1 in which something did not hold" in found.sentence


def test_runs_of_other_code_count_for_nothing_but_their_time(tmp_path):
    a_run(tmp_path, 1, edition="other", seconds=30)
    found = claim(tmp_path)
    assert len(found.seeds) == 29
    assert 1 not in found.seeds
    assert found.seconds == pytest.approx(30)


def test_a_claim_that_is_shown_already_is_tried_once_more(tmp_path):
    for seed in range(29):
        a_run(tmp_path, seed)
    assert claim(tmp_path, plan=replace(PLAN, seed=0)).seeds == (29,)


@pytest.mark.parametrize(
    ("rate", "confidence", "runs"),
    [(0, 0.95, 1), (1, 0.95, 1), (-1, 0.5, 1), (0.1, 1, 1), (0.1, 0, 1), (1e-6, 0.95, 1),
     (0.1, 0.95, 2)],
)  # fmt: skip
def test_a_claim_that_nobody_can_show_is_a_wrong_call(tmp_path, rate, confidence, runs):
    with pytest.raises(BadInput):
        ordered(PLAN, tmp_path, runs=runs, rate=rate, confidence=confidence)


def test_without_a_claim_the_runs_are_those_asked_for(tmp_path):
    found = ordered(PLAN, tmp_path, runs=3, rate=None, confidence=0.95)
    assert found.seeds == (1, 2, 3)
    assert shown(found, tmp_path) == {}


def test_a_claim_holds_is_refuted_or_wants_more_runs_by_what_lies_there_in_the_end(tmp_path):
    for seed in range(29):
        a_run(tmp_path, seed)
    assert shown(claim(tmp_path), tmp_path)[ID].standing is Standing.HOLDS
    found = shown(claim(tmp_path, rate=0.05), tmp_path)[ID]
    assert found.standing is Standing.UNKNOWN
    assert "30 more without a failure would show the claimed 0.05" in found.reason
    for seed in range(29, 45):
        a_run(tmp_path, seed, "broken")
    assert shown(claim(tmp_path), tmp_path)[ID].standing is Standing.BROKEN


CALL = ["certify", "ledger", "--guarantee", ID, "--seed", "7", "--dry-run"]


@pytest.fixture
def _no_cluster(monkeypatch):
    monkeypatch.setattr("seatrial.cli.trial.grounded", lambda *_, **__: pytest.fail("a cluster"))


@pytest.mark.usefixtures("_no_cluster")
def test_a_dry_run_says_what_would_be_run_and_makes_no_cluster(tmp_path, capsys):
    assert cli.called([*CALL, "--claim-rate", "0.1", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for part in ("pod-delete (3 times)", "29 runs are needed", "seeds: 7 to 35", "blast radius"):
        assert part in said


@pytest.mark.usefixtures("_no_cluster")
def test_a_dry_run_in_json_is_one_document_a_plan(tmp_path, capsys):
    assert cli.called([*CALL, "--runs", "2", "--json", "--out", str(tmp_path)]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["seeds"], found["guarantees"], found["seconds"]) == ([7, 8], [ID], None)


@pytest.mark.usefixtures("_no_cluster")
def test_a_claim_that_cannot_be_is_a_wrong_call_before_any_cluster(tmp_path):
    call = ["certify", "ledger", "--claim-rate", "2", "--out", str(tmp_path)]
    assert cli.called(call) == 4

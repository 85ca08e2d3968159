"""Runs as samples: what counts beside a run, what does not, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import edition, samples
from seatrial.checks.statistics.binomial import upper
from seatrial.checks.statistics.runs import of_held
from seatrial.model import Plan, PlannedFault, Profile, Standing, Verdict
from seatrial.samples import Sample, beside, of_plan, sample

ID = "storage.rebind"
PLAN = Plan(
    "ledger", "s", "fast", 1, (ID,), (PlannedFault("pod-delete", (1, 0)),), "c", "1.34", edition="e"
)


def a_run(out: Path, seed: int, verdict: str = "holds", **changes: Any) -> Path:
    folder = out / f"2026-ledger-{seed}-{len(list(out.iterdir()))}"
    folder.mkdir()
    plan: dict[str, Any] = {
        "profile": "ledger",
        "shape": "s",
        "timing": "fast",
        "kubernetes": "1.34",
    }
    plan |= {"seed": seed, "edition": "e", "faults": [{"fault": "pod-delete", "ordinals": [0, 2]}]}
    judged = changes.pop("judged_by", edition.ours())
    (folder / "plan.json").write_text(json.dumps(plan | changes))
    rows = [{"guarantee": ID, "verdict": verdict}]
    (folder / "verdicts.json").write_text(json.dumps({"edition": judged, "verdicts": rows}))
    return folder


def counted(run: Path, verdict: Standing = Standing.HOLDS) -> str:
    said: str = beside(run, [Verdict(ID, verdict, "so")])[ID]["runs"]["said"]
    return said


def test_one_run_says_nothing_about_a_rate_below_95_percent(tmp_path):
    assert counted(a_run(tmp_path, 1)) == "1 of 1 run: says nothing about a rate below 95 %"


def test_runs_with_other_seeds_count_with_the_bound_that_they_set(tmp_path):
    for seed in range(28):
        a_run(tmp_path, seed)
    run = a_run(tmp_path, 28)
    assert counted(run) == "29 of 29 runs: fewer than 9.9 % of runs break it, at 95 %"


@pytest.mark.parametrize(
    "other",
    [
        {"profile": "shelf"},
        {"shape": "two-zones"},
        {"timing": "default"},
        {"kubernetes": "1.33"},
        {"prometheus": True},
        {"edition": "other"},
        {"faults": []},
        {"faults": [{"fault": "pod-delete", "ordinals": [0, 2, 1]}]},
        {"faults": [{"fault": "pod-delete", "ordinals": [0, 2], "trigger": "5s"}]},
        {"judged_by": "other"},
    ],
    ids=str,
)
def test_a_run_of_anything_else_does_not_count(tmp_path, other):
    a_run(tmp_path, 1, **other)
    assert counted(a_run(tmp_path, 2)).startswith("1 of 1 run:")


def test_a_run_older_than_editions_stands_alone(tmp_path):
    a_run(tmp_path, 1, edition="")
    assert counted(a_run(tmp_path, 2, edition="")).startswith("1 of 1 run:")


def test_a_seed_that_was_asked_again_counts_once_by_its_worst(tmp_path):
    a_run(tmp_path, 1, "broken")
    assert counted(a_run(tmp_path, 1)) == "0 of 1 run (1 broken): bounds no rate"


def test_what_stayed_unknown_counts_as_what_may_have_failed(tmp_path):
    a_run(tmp_path, 1, "unknown")
    said = counted(a_run(tmp_path, 2))
    assert said == "1 of 2 runs (1 unknown): fewer than 98 % of runs break it, at 95 %"


def test_a_run_is_judged_by_what_it_got_now_and_not_by_what_was_saved(tmp_path):
    assert counted(a_run(tmp_path, 1, "broken")) == counted(a_run(tmp_path, 2, kubernetes="1.33"))


def test_a_figure_has_no_samples(tmp_path):
    assert beside(a_run(tmp_path, 1), [Verdict(ID, Standing.FIGURE, "7")]) == {ID: {}}


def test_links_and_garbled_folders_are_samples_of_nothing(tmp_path):
    run = a_run(tmp_path, 1)
    (tmp_path / "latest").symlink_to(run.name)
    (a_run(tmp_path, 2) / "plan.json").write_text("{")
    (a_run(tmp_path, 3) / "verdicts.json").write_text("[]")
    (a_run(tmp_path, 4) / "verdicts.json").write_text('{"edition": 1, "verdicts": 2}')
    assert counted(run).startswith("1 of 1 run:")


def test_a_plan_finds_the_samples_that_lie_there_already(tmp_path):
    a_run(tmp_path, 1)
    a_run(tmp_path, 2, "unknown")
    assert of_plan(tmp_path, PLAN) == {ID: Sample(1, 0, 1)}
    assert of_plan(tmp_path / "nowhere", PLAN) == {ID: Sample()}


SAID = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["holds", "broken", "unknown"])))


@given(SAID)
def test_each_seed_counts_once_and_the_order_of_runs_is_nothing(said):
    runs = [(seed, {ID: verdict}) for seed, verdict in said]
    found = sample(runs, ID)
    assert found == sample(runs[::-1], ID)
    assert found.runs == len({seed for seed, _ in said})
    assert (found.broken > 0) is ("broken" in {verdict for _, verdict in said})


@given(st.integers(0, 60), st.integers(0, 9), st.integers(0, 9))
def test_what_is_said_of_runs_is_never_better_than_their_bound(held, broken, unknown):
    said = of_held(held, broken, unknown)
    runs = held + broken + unknown
    assert said.startswith(f"{held} of {runs} run")
    if "fewer than" in said:
        told = float(said.partition("fewer than ")[2].partition(" %")[0]) / 100
        most = upper(runs - held, runs, 0.05)
        assert most <= told + 1e-9
        assert told - most < 0.0101


def test_nothing_that_a_subject_is_made_of_changes_without_its_edition(tmp_path):
    (tmp_path / "m").mkdir()
    subject = Profile("p", "s", str(tmp_path), str(tmp_path / "m"), "w", "w", 3, "c", (), (), {})
    seen = [edition.of_subject(subject)]
    for file, text in (("m/a.yaml", "1"), ("m/a.yaml", "2"), ("client.py", "")):
        (tmp_path / file).write_text(text)
        seen.append(edition.of_subject(subject))
    assert len(set(seen)) == 4
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "client.pyc").write_text("")
    assert edition.of_subject(subject) == seen[-1]
    assert samples.signature({"edition": seen[0]}) != samples.signature({"edition": seen[1]})


def test_how_recoveries_spread_over_runs_stands_beside_the_verdict(tmp_path):
    def ran(seed: int, took: list[float], **more: Any) -> Path:
        run = a_run(tmp_path, seed, **more)
        content = json.loads((run / "verdicts.json").read_text())
        content["verdicts"][0]["figures"] = {"recoveries": took}
        (run / "verdicts.json").write_text(json.dumps(content))
        return run

    ran(1, [1.0, 2.0, 3.0, 4.0])
    ran(2, [100.0], judged_by="another")
    own = ran(3, [5.0, 6.0, 7.0, 8.0])
    verdict = Verdict(ID, Standing.HOLDS, "so", figures={"recoveries": [5.0, 6.0, 7.0, 8.0]})
    said = beside(own, [verdict])[ID]["runs"]["said"]
    assert "8 recoveries: half within 4.0 s (1.0 s to 8.0 s), all within 8.0 s" in said
    assert "recoveries" not in counted(own)

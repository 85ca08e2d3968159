"""Many runs read as one campaign: what held how often, rogues caught, states never reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial import cli, edition
from seatrial.survey import surveyed


def a_run(out: Path, name: str, profile: str = "ledger", **changes: Any) -> Path:
    folder = out / name
    folder.mkdir(parents=True)
    plan = {"profile": profile, "shape": "s", "timing": "fast", "seed": changes.pop("seed", 1)}
    plan |= {"edition": changes.pop("made_by", "e"), "faults": []}
    (folder / "plan.json").write_text(json.dumps(plan))
    rows = [{"guarantee": g, "verdict": v} for g, v in changes.pop("verdicts").items()]
    reached = [
        {"state": state, "sentence": "s", "op": op}
        for state, op in changes.pop("reached", {}).items()
    ]
    judged = {"edition": edition.ours(), "verdicts": rows, "reached": reached} | changes
    (folder / "verdicts.json").write_text(json.dumps(judged))
    return folder


@pytest.fixture
def night(tmp_path):
    """Give a night's runs: three of the ledger, one of a rogue, one of other code."""
    out = tmp_path / "night<b>"
    there = {"nobody-ready": 7, "two-faults-at-once": None}
    a_run(out, "1", seed=1, made_by="old", verdicts={"storage.rebind": "broken"})
    a_run(out, "2", seed=2, verdicts={"storage.rebind": "holds"})
    a_run(out, "3", seed=3, verdicts={"storage.rebind": "holds"}, reached=there)
    met = {"ordering.deploy": "broken", "ordering.scale-down": "holds"}
    a_run(out, "4", "parallel", verdicts=met, reached={"two-faults-at-once": 3})
    a_run(out, "5", verdicts={"storage.rebind": "broken"}, edition="other")
    (out / "latest").symlink_to("5")
    return out


def test_a_guarantee_is_counted_over_the_runs_of_its_newest_plan(night):
    (row,) = surveyed(night)["guarantees"]
    assert (row["held"], row["broken"], row["others"], row["last"]) == (2, 0, 1, "3")
    assert row["said"].startswith("2 of 2 runs: fewer than")


def test_what_other_code_judged_is_counted_as_that(night):
    found = surveyed(night)
    assert (found["runs"], found["judged"], found["others"]) == (5, 4, 1)


def test_rogues_are_counted_by_what_they_break_and_not_as_subjects(night):
    rows = {(row["rogue"], row["guarantee"]): row for row in surveyed(night)["rogues"]}
    assert rows["parallel", "ordering.deploy"]["caught"] == 1
    survived = rows["parallel", "ordering.scale-down"]
    assert (survived["caught"], survived["runs"]) == (0, 1)
    assert rows["empty-dir", "storage.rebind"]["runs"] == 0


def test_a_state_is_reached_by_honest_runs_alone(night):
    rows = {row["state"]: row for row in surveyed(night)["states"]}
    reached = rows["nobody-ready"]
    assert (reached["runs"], reached["first"], reached["op"]) == (1, "3", 7)
    assert rows["two-faults-at-once"]["runs"] == 0


def test_the_report_of_a_folder_of_runs_says_loudly_what_was_never_reached(night, capsys):
    assert cli.called(["report", str(night)]) == 0
    said = capsys.readouterr().out
    assert "never reached: a fault took effect while another was in place" in said
    assert "never reached: no member was Ready" not in said
    page, summary = (night / "campaign.html").read_text(), (night / "campaign.md").read_text()
    assert "night<b>" not in page
    for part in ("2 of 2 runs: fewer than", "a fault took effect while another was in place"):
        assert part in page
        assert part in summary
    assert json.loads((night / "campaign.json").read_text()) == surveyed(night)


def test_with_json_the_survey_is_the_document_and_the_report_is_no_failure(night, capsys):
    assert cli.called(["report", str(night), "--format", "json", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in found["written"]] == ["campaign.json"]
    assert found["runs"] == 5


def test_a_format_of_one_run_is_a_wrong_call_for_many(night):
    assert cli.called(["report", str(night), "--format", "junit"]) == 4


def test_a_folder_without_runs_is_no_run_as_before(tmp_path):
    assert cli.called(["report", str(tmp_path)]) == 3


def test_garbled_verdicts_are_not_counted(night):
    (night / "2" / "verdicts.json").write_text('{"verdicts": 7, "edition": ')
    (night / "3" / "verdicts.json").write_text(json.dumps({"edition": edition.ours()}))
    assert surveyed(night)["judged"] == 2


def test_where_nothing_is_counted_nothing_is_called_untried(tmp_path, capsys):
    a_run(tmp_path, "1", verdicts={"storage.rebind": "holds"}, edition="other")
    assert cli.called(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "never reached" not in said
    assert "no run here was judged by this code" in said
    assert "never tried" not in (tmp_path / "campaign.html").read_text()
    assert "never reached" not in (tmp_path / "campaign.md").read_text()

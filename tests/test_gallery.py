"""The kill matrix that reports show: which rogue was met when, by which code, and how it went."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seatrial import edition, gallery, places, profiles, report
from seatrial.checks import CHECKS
from seatrial.model import Standing, Verdict

SAMPLE = Path(__file__).parent / "histories" / "sample-run"
PARALLEL = {"name": "parallel", "breaks": ["ordering.deploy", "ordering.scale-down"]}


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def run(tmp_path):
    """Give a function that makes a run folder which began at a time."""

    def began(when: str) -> Path:
        folder: Path = tmp_path / f"run-{when}"
        folder.mkdir()
        (folder / "plan.json").write_text(json.dumps({"clock": {"started": when}}))
        return folder

    return began


def verdict(standing: Standing, guarantee: str = "ordering.deploy") -> Verdict:
    return Verdict(guarantee, standing, "so")


def met(guarantee: str = "ordering.deploy", rogue: str = "parallel") -> gallery.Row:
    return next(row for row in gallery.met([guarantee])[guarantee] if row["rogue"] == rogue)


def test_a_rogue_that_was_never_met_here_is_told_as_that():
    assert met() == {"rogue": "parallel", "verdict": "", "when": "", "version": "", "ours": False}


def test_a_rogue_that_was_met_is_told_with_time_version_and_verdict(run):
    gallery.note(run("2026-11-21T10:00"), PARALLEL, [verdict(Standing.BROKEN)])
    assert (met()["verdict"], met()["when"], met()["ours"]) == ("broken", "2026-11-21T10:00", True)
    assert met("ordering.scale-down")["verdict"] == ""


def test_the_newest_meeting_stands_whichever_was_judged_last(run):
    gallery.note(run("2026-11-22T10:00"), PARALLEL, [verdict(Standing.UNKNOWN)])
    gallery.note(run("2026-11-21T10:00"), PARALLEL, [verdict(Standing.BROKEN)])
    assert met()["verdict"] == "unknown"


def test_an_honest_subject_and_what_a_rogue_leaves_whole_are_not_kept(run):
    gallery.note(run("1"), {"name": "ledger", "breaks": []}, [verdict(Standing.BROKEN)])
    gallery.note(run("2"), PARALLEL, [verdict(Standing.BROKEN, "storage.rebind")])
    kept = places.state() / "rogues"
    assert sorted(path.name for path in kept.iterdir()) == ["parallel.json"]
    assert json.loads((kept / "parallel.json").read_text()) == {}


def test_other_code_than_ours_is_told_apart(run, monkeypatch):
    gallery.note(run("1"), PARALLEL, [verdict(Standing.BROKEN)])
    monkeypatch.setattr(edition, "ours", lambda: "other")
    assert (met()["verdict"], met()["ours"]) == ("broken", False)


@pytest.mark.parametrize("text", ["", "[]", '{"ordering.deploy": 7}', '{"ordering.deploy": {}}'])
def test_what_was_kept_badly_was_not_kept(text):
    kept = places.state() / "rogues" / "parallel.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(text)
    assert met()["verdict"] == ""


def test_a_name_leads_to_no_other_place(run):
    gallery.note(run("1"), PARALLEL | {"name": "../../x"}, [verdict(Standing.BROKEN)])
    assert [path.name for path in (places.state() / "rogues").iterdir()] == ["x.json"]


def test_what_breaks_a_guarantee_is_read_as_the_profiles_say():
    said = {name: profiles.load(name, known=CHECKS).breaks for name in profiles.rogue_names()}
    found = profiles.breakers()
    assert {(n, g) for g, names in found.items() for n in names} == {
        (n, g) for n, breaks in said.items() for g in breaks
    }


ROWS = [
    {
        "rogue": "a",
        "verdict": "broken",
        "when": "2026-11-21T10:00:00",
        "version": "1",
        "ours": True,
    },
    {
        "rogue": "b",
        "verdict": "holds",
        "when": "2026-11-21T10:00:00",
        "version": "1",
        "ours": False,
    },
    {"rogue": "c", "verdict": "", "when": "", "version": "", "ours": False},
]
STATES = [
    {"state": "x", "sentence": "it <b>rained", "op": 35},
    {"state": "y", "sentence": "it snowed", "op": None},
]


@pytest.fixture
def told(tmp_path):
    """Give the sample run with rogues, runs and states beside its verdicts."""
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "told"))
    content = json.loads((folder / "verdicts.json").read_text())
    content["verdicts"][0] |= {
        "rogues": ROWS,
        "runs": {"held": 1, "broken": 0, "unknown": 0, "said": "1 of 1 run: says nothing"},
    }
    content["verdicts"][1] |= {"rogues": []}
    (folder / "verdicts.json").write_text(json.dumps(content | {"reached": STATES}))
    report.write(folder)
    return folder


@pytest.mark.parametrize("name", ["report.html", "summary.md"])
def test_page_and_summary_show_samples_rogues_and_states(told, name):
    said = (told / name).read_text()
    for part in (
        "1 of 1 run: says nothing",
        "caught on 2026-11-21 10:00 UTC by this code",
        "survived",
        "other code",
        "not met here",
        "no live one: recorded histories alone show that it can fail",
    ):
        assert part in said
    assert "it <b>rained" not in said
    assert "rained" in said


def test_the_other_formats_tell_them_too(told):
    assert "1 of 1 run: says nothing" in (told / "junit.xml").read_text()
    found = json.loads((told / "report.json").read_text())
    assert [row["rogue"] for row in found["kills"]] == ["a", "b", "c", ""]
    assert [row["caught"] for row in found["kills"]] == [True, False, False, False]
    assert [row["op"] for row in found["states"]] == [35, None]


def test_verdicts_from_before_show_no_empty_parts(tmp_path):
    folder = Path(shutil.copytree(SAMPLE, tmp_path / "old"))
    report.write(folder)
    assert "Whether the checks can fail" not in (folder / "report.html").read_text()
    assert "when it struck" not in (folder / "summary.md").read_text()

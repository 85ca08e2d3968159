"""Runs side by side: versions of Kubernetes, releases, nights; it is said where they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial import cli, history
from seatrial.cli.options import specs_of
from seatrial.errors import BadInput
from seatrial.report.differences import compared
from seatrial.testing import Story


def a_run(folder: Path, version: str, **verdicts: Any) -> Path:
    folder.mkdir()
    plan = {"profile": "ledger", "shape": "three-workers", "seed": 7, "kubernetes": version}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "cluster.json").write_text(json.dumps({"kubernetes": f"v{version}.1"}))
    rows = [
        {"guarantee": f"storage.{name}", "verdict": said[0], "reason": said[1], "figures": said[2]}
        for name, said in verdicts.items()
    ]
    (folder / "verdicts.json").write_text(json.dumps({"verdicts": rows}))
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    old = a_run(tmp_path / "old", "1.33", rebind=("holds", "fine", {"seconds": 2.0, "drifts": 6}))
    new = a_run(
        tmp_path / "new",
        "1.34",
        rebind=("broken", "lost [bold]it", {"seconds": 3.0, "drifts": 6, "ok": True, "x": "y"}),
        durable=("holds", "all there", {}),
    )
    return [old, new]


def test_a_verdict_that_differs_is_named_with_the_reason_of_each_run(two, capsys):
    assert cli.called(["compare", *map(str, two)]) == 1
    said = capsys.readouterr().out
    assert "the verdicts differ on storage.rebind, storage.durable" in said
    assert "storage.rebind, 2: 1.34.1: lost [bold]it" in said
    assert "storage.durable, 1: 1.33.1: not judged" in said


def test_figures_that_two_runs_tell_as_numbers_stand_side_by_side(two):
    (rebind, durable) = compared(two).lines
    assert rebind.figures == {"seconds": (2.0, 3.0), "drifts": (6, 6)}
    assert durable.figures == {}


def test_equal_runs_differ_nowhere(two, capsys):
    assert cli.called(["compare", str(two[1]), str(two[1]), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["summary"] == "no verdict differs, of 2 guarantees in 2 runs"
    assert [line["differs"] for line in said["lines"]] == [False, False]


def test_one_run_alone_is_a_wrong_call(two):
    assert cli.called(["compare", str(two[0])]) == 4


def test_a_run_that_is_not_there_is_a_wrong_call(two, tmp_path):
    assert cli.called(["compare", str(two[0]), str(tmp_path / "nowhere")]) == 4


def test_a_run_that_was_never_judged_is_named_with_what_to_do(two, capsys):
    (two[0] / "verdicts.json").unlink()
    assert cli.called(["compare", *map(str, two)]) == 4
    assert f"seatrial rejudge {two[0]}" in capsys.readouterr().err


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, Path]:
    """Give folders of two quiet runs, one with a fault, and one of a subject of another name."""
    made = {name: tmp_path / name for name in ("one", "two", "hit", "lost", "other")}
    for name, folder in made.items():
        story = Story()
        story.ops[0].value["profile"]["name"] = name if name == "other" else "ledger"
        story.deploys()
        if name in ("hit", "lost"):
            story.drifts("pod-delete", 1)
        if name == "lost":
            story.claim(2, "DELETED")
        folder.mkdir()
        (folder / "history.jsonl").write_bytes(b"".join(map(history.line, story.history().ops)))
    return made


def beside_clean(watched: dict[str, Path], *names: str, clean: str = "one two") -> list[str]:
    words = [word for name in clean.split() for word in ("--clean", str(watched[name]))]
    return ["compare", *(str(watched[name]) for name in names), *words]


def test_a_faulted_run_beside_clean_ones_is_not_otherwise_by_its_own_fault(watched, capsys):
    assert cli.called(beside_clean(watched, "hit")) == 0
    assert "hit beside 2 clean runs: nothing otherwise" in capsys.readouterr().out


def test_what_nobody_asked_for_is_told_with_the_op_that_shows_it(watched, capsys):
    assert cli.called(beside_clean(watched, "lost")) == 1
    said = capsys.readouterr().out
    assert "lost beside 2 clean runs: otherwise" in said
    assert "claim data-ledger-2 was deleted 1 times, without faults 0 times (Op" in said


def test_beside_clean_runs_in_json_each_run_has_its_anomalies(watched, capsys):
    assert cli.called([*beside_clean(watched, "hit", "lost"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [row["verdict"] for row in found["runs"]] == ["holds", "broken"]
    assert found["runs"][1]["anomalies"][0]["name"] == "count"


def test_one_clean_run_shows_nothing_and_a_faulted_one_is_not_clean(watched):
    assert cli.called(beside_clean(watched, "hit", clean="one")) == 2
    assert cli.called(beside_clean(watched, "one", clean="two hit")) == 2


def test_runs_of_two_subjects_are_not_set_beside_each_other(watched):
    assert cli.called(beside_clean(watched, "other")) == 4


def test_each_of_several_versions_gets_a_cluster_of_its_own_named_by_it():
    specs = specs_of("", "three-workers", "fast", ["1.33", "1.34"])
    assert [(spec.name, spec.kubernetes) for spec in specs] == [
        ("seatrial-three-workers-1-33", "1.33"),
        ("seatrial-three-workers-1-34", "1.34"),
    ]
    assert [spec.name for spec in specs_of("sea", "one-node", "fast", ["1.33"])] == ["sea"]


def test_a_version_named_twice_is_tried_once():
    assert len(specs_of("", "one-node", "fast", ["1.33", "1.33"])) == 1


def test_a_cluster_that_is_there_has_one_version():
    with pytest.raises(BadInput, match="one --kubernetes"):
        specs_of("", "one-node", "fast", ["1.33", "1.34"], allow="prod")


def test_a_version_that_nothing_is_known_of_is_refused_before_any_cluster_is_made(monkeypatch):
    def made(*_: object, **__: object) -> None:
        pytest.fail("a cluster was asked for")

    monkeypatch.setattr("seatrial.cli.trial.grounded", made)
    call = ["certify", "ledger", "--kubernetes", "1.33", "--kubernetes", "1.20"]
    assert cli.called(call) == 4

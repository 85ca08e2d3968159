"""Runs side by side: versions of Kubernetes, releases, nights; it is said where they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial import cli
from seatrial.cli.options import specs_of
from seatrial.errors import BadInput
from seatrial.report.differences import compared


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
    def made(*_: object) -> None:
        pytest.fail("a cluster was asked for")

    monkeypatch.setattr("seatrial.cli.trial.grounded", made)
    call = ["certify", "ledger", "--kubernetes", "1.33", "--kubernetes", "1.20"]
    assert cli.called(call) == 4

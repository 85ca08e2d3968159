"""The command line as its user meets it: exit codes, one JSON document, sentences."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial import cli, profiles
from seatrial.checks import CHECKS
from seatrial.cli import tables
from seatrial.errors import NotHealed

RECORDED = Path(__file__).parent / "histories"


@pytest.fixture
def run_folder(tmp_path):
    """Give a function that makes a run folder of a recorded history."""

    def made(recorded: str) -> Path:
        folder: Path = tmp_path / "run"
        shutil.copytree(RECORDED / "sample-run", folder)
        shutil.copy(RECORDED / recorded, folder / "history.jsonl")
        head = json.loads((folder / "history.jsonl").read_text().splitlines()[0])["value"]
        (folder / "plan.json").write_text(json.dumps(head["plan"]))
        (folder / "verdicts.json").unlink()
        return folder

    return made


@pytest.mark.parametrize(
    "call",
    [
        [],
        ["certfy"],
        ["certify"],
        ["certify", "ledger", "--runs", "0"],
        ["certify", "ledger", "--out", "README.md"],
        ["certify", "ledger", "--keep", "sometimes"],
        ["certify", "ledger", "--seed", "one"],
        ["certify", "no-such-profile"],
        ["certify", "ledger", "--guarantee", "storage.rebnd"],
        ["list", "nothing"],
        ["explain", "storage.rebnd"],
        ["report", "--format", "pdf", "."],
        ["cluster"],
        ["cluster", "up", "--shape", "three-workrs"],
        ["cluster", "up", "--timing", "quick"],
        ["cluster", "up", "--kubernetes", "0.9"],
        ["cluster", "up", "--name", "Not A Name"],
        ["--nonsense"],
        ["certify", "ledger", "--seed", "-1"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_exit_4_and_says_what_was_wanted(call, capsys):
    assert cli.called(call) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert "wanted: " in said.err or "Usage: " in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (["certify", "ledgr"], "ledger"),
        (["rogues", "early-ack", "oldest-snapshots"], "oldest-snapshot"),
    ],
)
def test_a_typo_names_the_nearest(call, near, capsys):
    cli.called(call)
    assert f"did you mean {near}?" in capsys.readouterr().err


def test_a_name_given_bare_is_told_that_it_is_an_option(capsys):
    assert cli.called(["cluster", "down", "drill"]) == 4
    assert "--name NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("pods-delete:0", "1 to 100 rounds of pods-delete"),
        ("pods-delete:many", "pods-delete:10"),
        ("pods-delet:3", "did you mean pods-delete?"),
    ],
)
def test_a_fault_or_its_rounds_that_make_no_sense_are_a_wrong_call(
    fault, said, capsys, monkeypatch
):
    def ground(*_: object, **__: object) -> None:
        pytest.fail("no cluster is brought up for a wrong call")

    monkeypatch.setattr("seatrial.cli.trial.grounded", ground)
    assert cli.called(["certify", "ledger", "--fault", fault]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "call", [["certify"], ["certify", "--dry-run"], ["drill", "node-loss", "--yes", "--profile"]]
)
def test_a_container_that_the_manifests_lack_is_refused_before_any_cluster_is_made(
    call, capsys, monkeypatch, tmp_path
):
    def ground(*_: object, **__: object) -> None:
        pytest.fail("no cluster is brought up for a wrong call")

    monkeypatch.setattr("seatrial.cli.trial.grounded", ground)
    base = Path(__file__).parents[1] / "fixtures" / "ledger-xlss"
    told = f"extends: {base}\nname: wrongly\nsentence: a misspelt container\ncontainer: ledgr\n"
    (tmp_path / "profile.yaml").write_text(told)
    assert cli.called([*call, str(tmp_path)]) == 4
    assert "no container ledgr in the StatefulSet ledger, did you mean" in capsys.readouterr().err


def test_with_json_also_a_failure_is_one_document(capsys):
    assert cli.called(["certify", "ledgr", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 4
    assert set(document["error"]) == {"wanted", "seen", "try"}


@pytest.mark.parametrize("table", ["guarantees", "faults", "profiles", "shapes", "experiments"])
def test_every_table_lists_objects_with_a_name_and_a_sentence(table, capsys):
    assert cli.called(["list", table, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(row["name"] and row["sentence"] for row in rows)


def test_the_generated_page_is_as_the_tables_are():
    written = Path(__file__).parents[1] / "docs" / "tables.md"
    assert written.read_text() == tables.page(), "write it again: make tables"


def test_every_guarantee_names_the_rogues_that_break_it(capsys):
    cli.called(["list", "guarantees", "--json"])
    rows = {row["name"]: row["rogues"] for row in json.loads(capsys.readouterr().out)}
    broken = {name: profiles.load(name, known=CHECKS).breaks for name in profiles.rogue_names()}
    for guarantee, rogues in rows.items():
        assert sorted(rogues) == sorted(name for name in broken if guarantee in broken[name])


@pytest.mark.parametrize("table", tables.TABLES)
def test_every_row_of_a_table_can_be_explained(table, capsys):
    rows = tables.rows_of(table)
    for row in rows:
        assert {"table": table, **row} in tables.explained(row["name"])
    assert cli.called(["explain", rows[-1]["name"]]) == 0
    assert rows[-1]["sentence"].split()[0] in capsys.readouterr().out


def test_a_drill_that_is_named_as_its_fault_is_explained_beside_it(capsys):
    assert cli.called(["explain", "disk-full", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["table"], [one["table"] for one in found["also"]]) == ("faults", ["experiments"])


@pytest.mark.parametrize(
    ("recorded", "code"),
    [("good/ledger.jsonl", 0), ("bad/empty-dir.jsonl", 1), ("bad/fqdn-hostname.jsonl", 1)],
)
def test_rejudging_gives_the_verdicts_exit_code_without_any_cluster(
    recorded, code, run_folder, capsys
):
    assert cli.called(["rejudge", str(run_folder(recorded)), "--json"]) == code
    content = json.loads(capsys.readouterr().out)
    assert {v["guarantee"] for v in content["verdicts"]} == {"identity.hostname", "storage.rebind"}
    assert len(content["changed"]) == 2


def test_a_run_without_evidence_is_exit_2(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    path = folder / "history.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert cli.called(["rejudge", str(folder)]) == 2
    assert "unknown" in capsys.readouterr().out


SPOILT: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a cut last line": (lambda lines: [*lines[:-1], lines[-1][:40]], "an Op in line"),
    "a line twice": (lambda lines: [*lines[:9], lines[8], *lines[9:]], "missing, doubled or moved"),
    "a line missing": (lambda lines: [*lines[:9], *lines[10:]], "missing, doubled or moved"),
    "lines of another kind": (lambda _: ['{"type": "invoke", "f": "read"}'], "an Op in line 1"),
    "no text": (lambda lines: [*lines, "\0\1"], "an Op in line"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_history_is_exit_3_with_a_sentence_that_names_the_line(name, run_folder, capsys):
    folder, (spoil, said) = run_folder("good/ledger.jsonl"), SPOILT[name]
    path = folder / "history.jsonl"
    path.write_text("".join(f"{line}\n" for line in spoil(path.read_text().splitlines())))
    assert cli.called(["rejudge", str(folder)]) == 3
    assert said in capsys.readouterr().err


def test_a_clock_that_goes_back_leaves_all_unknown_and_is_named(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    path = folder / "history.jsonl"
    lines = path.read_text().splitlines()
    op = json.loads(lines[4])
    lines[4] = json.dumps(op | {"invoked": op["completed"] + 1})
    path.write_text("\n".join(lines))
    assert cli.called(["rejudge", str(folder), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["verdicts"]
    assert {row["verdict"] for row in told} == {"unknown"}
    assert all("a clock went back" in row["reason"] and row["evidence"] == [4] for row in told)


def test_operations_of_an_unknown_kind_take_nothing_from_a_verdict(run_folder):
    folder = run_folder("good/ledger.jsonl")
    path = folder / "history.jsonl"
    lines = path.read_text().splitlines()
    strange = json.loads(lines[-1]) | {"what": "miracle", "value": {}, "index": len(lines)}
    path.write_text("\n".join([*lines, json.dumps(strange)]))
    assert cli.called(["rejudge", str(folder)]) == 0


def test_a_history_of_ten_gigabytes_is_refused_unread(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    with (folder / "history.jsonl").open("r+b") as file:
        file.truncate(10 << 30)
    assert cli.called(["rejudge", str(folder)]) == 3
    assert f"a History of at most {2 << 30} bytes" in capsys.readouterr().err


def test_rejudging_twice_changes_nothing(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    cli.called(["rejudge", str(folder)])
    cli.called(["rejudge", str(folder)])
    assert "no verdict changed" in capsys.readouterr().out


def test_rejudging_says_which_reasons_and_figures_are_others_now(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    cli.called(["rejudge", str(folder)])
    path = folder / "verdicts.json"
    content = json.loads(path.read_text())
    rows = {row["guarantee"]: row for row in content["verdicts"]}
    rows["identity.hostname"]["reason"] = "it was so"
    drifts = rows["storage.rebind"]["figures"]["drifts"]
    rows["storage.rebind"]["figures"] |= {"drifts": 1, "older": True}
    path.write_text(json.dumps(content))
    capsys.readouterr()
    cli.called(["rejudge", str(folder), "--json"])
    found = json.loads(capsys.readouterr().out)
    hostname, rebind = sorted(found["changes"], key=lambda one: str(one["guarantee"]))
    assert hostname["reason"][0] == "it was so"
    assert rebind["figures"] == {"drifts": [1, drifts], "older": [True, None]}
    assert f"storage.rebind: drifts 1 -> {drifts}, older yes -> none" in found["changed"]


def test_rejudging_tells_a_guarantee_that_is_judged_no_more(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    cli.called(["rejudge", str(folder)])
    plan = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps(plan | {"guarantees": ["storage.rebind"]}))
    capsys.readouterr()
    cli.called(["rejudge", str(folder)])
    said = capsys.readouterr().out
    assert "identity.hostname: holds -> not judged" in said
    assert "no verdict changed" not in said


def test_reports_are_written_again_and_named(run_folder, capsys):
    folder = run_folder("good/ledger.jsonl")
    cli.called(["rejudge", str(folder)])
    capsys.readouterr()
    assert cli.called(["report", str(folder), "--format", "markdown", "--json"]) == 0
    (path,) = json.loads(capsys.readouterr().out)["written"]
    assert "storage.rebind" in Path(path).read_text()


def test_a_folder_that_is_no_run_is_exit_3_with_a_sentence(tmp_path, capsys):
    assert cli.called(["rejudge", str(tmp_path)]) == 3
    assert "wanted: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["rejudge", "report"])
def test_a_run_folder_that_is_not_there_is_a_wrong_call_and_says_how_runs_are_listed(
    command, tmp_path, capsys
):
    assert cli.called([command, str(tmp_path / "nowhere")]) == 4
    said = capsys.readouterr().err
    assert "there is no such folder" in said
    assert "`ls reports/runs`" in said
    assert "space" not in said


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt(), 130), (NotHealed("all healed"), 5)]
)
def test_interrupts_and_unhealed_faults_have_their_own_codes(raised, code, monkeypatch, capsys):
    def fails() -> None:
        raise raised

    monkeypatch.setattr("seatrial.cluster.doctor.examine", fails)
    assert cli.called(["doctor"]) == code
    assert "wanted: " in capsys.readouterr().err


def test_help_teaches_every_command(capsys):
    for name in [*cli.COMMANDS, "cluster up", "cluster down", "cluster list"]:
        assert cli.called([*name.split(), "--help"]) == 0
        assert "Usage: " in capsys.readouterr().out


def test_no_colour_reaches_a_pipe(run_folder, capsys):
    cli.called(["rejudge", str(run_folder("bad/empty-dir.jsonl"))])
    said = capsys.readouterr()
    assert "\x1b[" not in said.out + said.err

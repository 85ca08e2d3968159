"""The run folder keeps what happened, whole and in order, and keeps secrets out."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import evidence, history, places
from seatrial.errors import CannotRun
from seatrial.evidence import RunFolder
from seatrial.model import Json, Op, Outcome, Plan, PlannedFault, Standing, Verdict
from seatrial.radius import Bound, Radius

PLAN = Plan(
    profile="ledger",
    shape="three-workers",
    timing="fast",
    seed=7,
    guarantees=("storage.rebind",),
    faults=(PlannedFault("pod-delete", (1, 0)),),
    radius=Radius(0, 1, 180.0, False, (Bound("pod-delete", 0, 1, 180.0),)),  # noqa: FBT003
    command="seatrial certify ledger --seed 7",
)
HEAD = Op("run", "plan", Outcome.OK, 0.0, 0.0, {"plan": {"profile": "ledger"}})


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder.create(tmp_path / "runs", "ledger", 7)
    made.save_plan(PLAN)
    return made


def op(process: str, completed: float, value: Mapping[str, Json] | None = None) -> Op:
    return Op(process, "note", Outcome.OK, completed, completed, value or {})


def recorded(run: RunFolder, *ops: Op) -> tuple[Op, ...]:
    with run.recorder() as journal:
        for one in ops:
            journal.write(one)
    return run.close_history().ops


def validate(name: str, value: object) -> None:
    schema = json.loads((places.carried("reports") / "schemas" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(value, schema)


def test_two_runs_of_one_second_get_folders_of_their_own_and_latest_is_the_second(tmp_path):
    first, second = (RunFolder.create(tmp_path, "ledger", 7) for _ in range(2))
    assert first.path != second.path
    assert (tmp_path / "latest").resolve() == second.path
    assert not (tmp_path / "latest").readlink().is_absolute()
    assert second.logs.is_dir()


def test_a_profile_given_as_a_path_makes_a_plain_folder_name(tmp_path):
    assert RunFolder.create(tmp_path, "../my team/ledger", 7).path.parent == tmp_path


def test_the_plan_is_saved_before_anything_else_and_fits_its_schema(run):
    run.recorder().close()
    plan = json.loads((run.path / "plan.json").read_text())
    assert plan["run"] == run.name
    planned = {"fault": "pod-delete", "ordinals": [1, 0], "trigger": "", "role": "", "times": 1}
    assert plan["faults"] == [planned]
    validate("plan.schema.json", plan)


def test_recording_without_a_saved_plan_is_refused(tmp_path):
    with pytest.raises(CannotRun, match=r"plan\.json"):
        RunFolder.create(tmp_path, "ledger", 7).recorder()


def test_the_clock_of_the_run_starts_at_zero_and_a_second_recorder_joins_it(run):
    with run.recorder(lambda: 500.0) as first, run.recorder(lambda: 512.5) as second:
        assert first.now() == 0.0
        assert second.now() == 12.5


def test_ops_are_numbered_in_order_of_completion_after_the_plan(run):
    ops = recorded(run, op("watch/pods", 3.0), op("probe", 1.0), HEAD, op("watch/pods", 2.0))
    assert [(one.what, one.completed) for one in ops] == [
        ("plan", 0.0), ("note", 1.0), ("note", 2.0), ("note", 3.0),
    ]  # fmt: skip
    assert [one.index for one in ops] == [0, 1, 2, 3]


def test_every_line_of_a_closed_history_fits_its_schema(run):
    recorded(run, HEAD, op("watch/pods", 3.0, {"name": "ledger-0"}))
    for line in (run.path / "history.jsonl").read_bytes().splitlines():
        validate("history.schema.json", json.loads(line))


def test_a_history_whose_plan_nobody_recorded_is_headed_from_the_files(run):
    run.save_cluster({"kubernetes": "v1.34.4"})
    ops = recorded(run, op("probe", 1.0))
    assert ops[0].value["cluster"] == {"kubernetes": "v1.34.4"}
    assert ops[0].value["plan"]["seed"] == 7


def test_closing_a_second_time_reads_what_the_first_wrote(run):
    ops = recorded(run, HEAD, op("probe", 1.0))
    assert run.close_history().ops == ops == run.load().ops
    assert not (run.path / "history.d").exists()


def test_an_open_history_cannot_be_read_as_if_it_were_closed(run):
    with run.recorder(), pytest.raises(CannotRun, match="still going on"):
        evidence.load(run.path)


def test_an_op_after_the_end_is_refused(run):
    journal = run.recorder()
    journal.close()
    with pytest.raises(CannotRun, match="the run was over"):
        journal.write(op("probe", 1.0))


def test_a_torn_last_line_becomes_a_gap_that_reaches_to_the_end(run):
    with run.recorder() as journal:
        for one in (HEAD, op("watch/pods", 1.0), op("probe", 9.0)):
            journal.write(one)
    with (run.path / "history.d" / "watch%2Fpods.jsonl").open("ab") as file:
        file.write(b'{"process":"watch/pods","wh')
    gap = next(run.close_history().of("gap"))
    assert (gap.process, gap.outcome, gap.value["lines"]) == ("watch/pods", Outcome.INFO, 1)
    assert (gap.invoked, gap.completed) == (1.0, 9.0)


def test_after_a_crash_another_process_starts_on_a_line_of_its_own(run):
    run.recorder().close()
    (run.path / "history.d" / "probe.jsonl").write_bytes(b'{"process":"pro')
    ops = recorded(run, HEAD, op("probe", 2.0))
    assert [one.what for one in ops] == ["plan", "note", "gap"]


def test_a_process_with_any_name_gets_a_file_inside_the_folder(run):
    names = ["../../etc/x", "a/b", "a%2Fb", ".", "", "é" * 300, "x" * 300, "x" * 299 + "y"]
    ops = recorded(run, HEAD, *(op(name, 1.0) for name in names))
    assert sorted(one.process for one in ops[1:]) == sorted(names)
    assert not (run.path.parent / "etc").exists()


def test_threads_lose_nothing(run):
    with run.recorder() as journal:
        journal.write(HEAD)

        def work(number: int) -> None:
            for step in range(200):
                journal.write(op(f"p{step % 3}", float(step), {"by": number}))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(run.close_history().ops) == 801


def test_what_was_written_outlives_a_sigkill(run):
    code = (
        "import os, pathlib, sys; from seatrial.evidence import RunFolder\n"
        "from seatrial.model import Json, Op, Outcome\n"
        "journal = RunFolder(pathlib.Path(sys.argv[1])).recorder()\n"
        "[journal.write(Op('p', 'note', Outcome.OK, i, i)) for i in range(50)]\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(run.path)], check=False)
    assert killed.returncode == -9
    assert len(run.close_history().ops) == 51


def test_verdicts_are_saved_with_the_whole_and_fit_their_schema(run):
    content = run.save_verdicts(
        [
            Verdict("identity.hostname", Standing.HOLDS, "said so", (1, 2), {"answers": 2}),
            Verdict("storage.rebind", Standing.UNKNOWN, "no receipt"),
        ]
    )
    saved = json.loads((run.path / "verdicts.json").read_text())
    assert saved == content
    assert (saved["verdict"], saved["seed"], saved["folder"]) == ("unknown", 7, str(run.path))
    validate("verdicts.schema.json", saved)


def test_a_full_disk_is_told_in_sentences_and_leaves_the_old_file(run, monkeypatch):
    before = (run.path / "plan.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotRun, match="No space left"):
        run.save_plan(PLAN)
    assert (run.path / "plan.json").read_bytes() == before
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == []


def test_half_a_line_on_a_full_disk_is_told_and_the_next_op_is_whole(run, monkeypatch):
    write = os.write
    with run.recorder() as journal:
        journal.write(HEAD)
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
        with pytest.raises(CannotRun, match="no space left"):
            journal.write(op("probe", 1.0))
        monkeypatch.undo()
        journal.write(op("probe", 2.0))
    assert [one.what for one in run.close_history().ops] == ["plan", "note", "gap"]


def test_an_out_folder_that_cannot_be_made_is_told_in_sentences(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRun, match="run folder"):
        RunFolder.create(tmp_path / "file" / "runs", "ledger", 7)


def test_no_secret_reaches_the_run_folder(run):
    secret = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}}
    key = {"users": [{"name": "me", "user": {"client-key-data": "S0VZ", "token": "tok-1"}}]}
    said = {"text": "Authorization: Bearer abcdef012345", "listed": [secret], "config": key}
    run.save_cluster(said)
    recorded(run, HEAD, op("probe", 1.0, said))
    for path in run.path.glob("*.json*"):
        text = path.read_text()
        assert not {
            word for word in ("aHVudGVyMg", "S0VZ", "tok-1", "abcdef012345") if word in text
        }


def test_the_identity_token_of_a_member_is_no_secret(run):
    said = {"question": "token", "answer": "4f00c2", "token": "4f00c2"}
    assert recorded(run, HEAD, op("probe", 1.0, said))[1].value == said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
OPS = st.builds(
    Op,
    process=st.sampled_from(["watch/pods", "probe/identity", "ü", "load"]),
    what=st.sampled_from(["pod", "claim", "answer"]),
    outcome=st.sampled_from(Outcome),
    invoked=st.floats(0, 1e6),
    completed=st.floats(0, 1e6),
    value=st.dictionaries(st.text(max_size=4), JSON, max_size=3),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(OPS, max_size=12))
def test_merging_keeps_every_op_exactly_once_and_in_order(ops):
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.create(Path(folder), "ledger", 7)
        run.save_plan(PLAN)
        closed = recorded(run, HEAD, *ops)
    times = [one.completed for one in closed[1:]]
    assert times == sorted(times)
    assert sorted(map(_bare, closed[1:])) == sorted(map(_bare, ops))


@settings(deadline=None, max_examples=60)
@given(st.lists(OPS, min_size=1, max_size=6), st.data())
def test_a_crash_anywhere_in_a_line_costs_that_line_only(ops, data):
    whole = b"".join(map(history.line, ops))
    cut = data.draw(st.integers(0, len(whole)))
    spool = history.read_spool(whole[:cut])
    before = whole[:cut].count(b"\n")
    assert list(map(_bare, spool.ops[:before])) == list(map(_bare, ops[:before]))
    assert len(spool.ops) + spool.torn == len(whole[:cut].splitlines())


def test_a_hundred_thousand_ops_are_closed_and_read(run):
    run.recorder().close()
    one = {"event": "MODIFIED", "rv": 1, "name": "ledger-0", "labels": {"app": "ledger"}}
    lines = (history.line(op("watch/pods", float(number), one)) for number in range(100_000))
    (run.path / "history.d" / "watch%2Fpods.jsonl").write_bytes(b"".join(lines))
    assert len(run.close_history().ops) == 100_001


def _bare(one: Op) -> str:
    return repr((one.process, one.what, one.outcome, one.completed, one.invoked, one.value))


def test_what_was_seen_so_far_is_told_while_the_run_goes_on_and_closes_nothing(run):
    with run.recorder() as journal:
        journal.write(op("watch/pods", 2.0))
        journal.write(op("watch/nodes", 1.0))
        told = run.so_far().ops
        assert [(one.index, one.process) for one in told] == [
            (0, "run"), (1, "watch/nodes"), (2, "watch/pods")
        ]  # fmt: skip
        journal.write(op("watch/pods", 3.0))
    assert len(run.close_history().ops) == 4

"""The drill command: it shows before it breaks, and asks before it touches anything."""

import io
import json

import pytest
from chaoslib.exceptions import InterruptExecution

from seatrial import cli
from seatrial.chaos import control, drilling, experiments, session
from seatrial.chaos.account import trouble
from seatrial.chaos.activities import acknowledging, heal
from seatrial.chaos.drilling import RESULT, Ended
from seatrial.errors import CannotRun


@pytest.fixture
def no_child(monkeypatch):
    """Let no drill run; give the list of settings that one would have been run with."""
    asked = []

    def pretend(_experiment, settings, _logs):
        asked.append(settings)
        return Ended(None, 3, "pretended")

    monkeypatch.setattr(drilling, "drilled", pretend)
    return asked


def test_without_a_name_the_drills_are_listed_with_their_sentences(capsys):
    assert cli.called(["drill", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"node-loss", "node-out-of-service"} <= {one["name"] for one in listed}
    assert all(one["sentence"] for one in listed)


def test_a_dry_run_shows_the_steps_and_what_will_be_hit_and_runs_nothing(capsys, no_child):
    assert cli.called(["drill", "node-loss", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    planned = {"fault": "node-lost", "ordinals": [1], "trigger": "", "role": "", "times": 1}
    assert shown["faults"] == [planned]
    assert shown["blast_radius"]
    assert shown["steps"][-1]["part"] == "rollbacks"
    assert no_child == []


def test_a_dry_run_says_how_far_it_reaches_how_it_heals_and_when_at_the_latest(capsys, no_child):
    assert cli.called(["drill", "node-kill", "--dry-run"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "breaks: node-kill of ordinal 1" in said
    assert "at most 1 machine and 1 member at once" in said
    assert "heals: node-kill: the undo journal has its node started again" in said
    assert "60 s method the node of the member is killed (breaks)" in said
    assert "Ctrl-C stops it: it heals first" in said
    assert no_child == []


def test_the_timeline_of_a_dry_run_is_in_its_document_too(capsys, no_child):
    assert cli.called(["drill", "zone-outage", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["radius"]["quorum"] is True
    assert (shown["radius"]["nodes"], shown["radius"]["pods"]) == (2, 3)
    begun = [step["at"] for step in shown["timeline"]]
    assert begun == sorted(begun)
    assert [step["name"] for step in shown["timeline"] if step["causes"]]
    assert no_child == []


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (["leader-cut", "--profile", "ledger"], "ledger has no `ask.leader`"),
        (["node-kill", "--allow", "theirs"], "its machines are not ours to stop"),
    ],
)
def test_a_drill_that_cannot_be_is_refused_with_a_sentence(call, seen, capsys, no_child):
    assert cli.called(["drill", *call, "--dry-run"]) == 4
    assert seen in capsys.readouterr().err
    assert no_child == []


def test_a_cluster_that_is_not_ours_is_drilled_only_by_its_name(no_child):
    assert cli.called(["drill", "pod-drift", "--allow", "theirs", "--yes"]) == 3
    assert no_child[0]["SEATRIAL_ALLOW"] == "theirs"


def test_nothing_is_broken_without_leave(capsys, no_child, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.called(["drill", "node-loss"]) == 4
    assert "--yes" in capsys.readouterr().err
    assert no_child == []


def test_the_call_decides_profile_seed_and_cluster(no_child):
    call = ["drill", "node-loss", "--yes", "--seed", "7", "--cluster", "c"]
    call += ["--profile", "oldest-snapshot"]
    assert cli.called(call) == 3
    assert no_child[0]["SEATRIAL_SEED"] == "7"
    assert no_child[0]["SEATRIAL_PROFILE"] == "oldest-snapshot"
    assert no_child[0]["SEATRIAL_CLUSTER"] == "c"


@pytest.mark.parametrize(
    ("call", "shape", "cluster"),
    [
        (["node-loss"], "three-workers", "seatrial-three-workers"),
        (["node-out-of-service"], "three-workers-shared", "seatrial-three-workers-shared"),
        (["node-out-of-service", "--shape", "three-workers"], "three-workers", None),
    ],
)
def test_a_drill_runs_on_the_shape_it_is_written_for_unless_the_call_names_one(
    call, shape, cluster, no_child
):
    assert cli.called(["drill", *call, "--yes"]) == 3
    assert no_child[0]["SEATRIAL_SHAPE"] == shape
    assert no_child[0]["SEATRIAL_CLUSTER"] == (cluster or f"seatrial-{shape}")


def test_the_figures_of_a_drill_are_kept_with_its_verdicts(tmp_path):
    row = {"guarantee": "storage.rebind", "verdict": "holds", "reason": "r", "evidence": [3]}
    figures = {"kill_to_serving_seconds": 30.0}
    text = json.dumps({"verdicts": [{**row, "figures": figures}]})
    (tmp_path / "verdicts.json").write_text(text)
    (found,) = drilling.verdicts(Ended(tmp_path, 0))
    assert (found.figures, found.evidence) == (figures, (3,))


def test_a_wrong_name_is_a_wrong_call(capsys):
    assert cli.called(["drill", "node-losss", "--yes"]) == 4
    assert "did you mean node-loss" in capsys.readouterr().err


def test_a_child_that_says_nothing_is_no_verdict(monkeypatch, tmp_path):
    monkeypatch.setattr("seatrial.command.through", lambda *_, **__: 0)
    with pytest.raises(CannotRun, match="to say how it ended"):
        drilling.drilled(experiments.load("node-loss"), {}, tmp_path)


def test_what_the_child_says_is_taken_not_its_exit_code(monkeypatch, tmp_path):
    def child(_argv, env, **_):
        said = {"folder": str(tmp_path), "exit_code": 1}
        with open(env[RESULT], "w") as file:  # noqa: PTH123
            json.dump(said, file)
        return 0

    monkeypatch.setattr("seatrial.command.through", child)
    ended = drilling.drilled(experiments.load("node-loss"), {}, tmp_path)
    assert (ended.folder, ended.exit_code) == (tmp_path, 1)


def test_an_activity_without_a_trial_says_what_is_missing():
    with pytest.raises(CannotRun, match="a trial to act in"):
        acknowledging([0], 1.0, {})


def test_healing_where_nothing_was_begun_is_fine():
    assert heal({}) == []


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (["--profile", "ledger"], "ledger declares no `recovery`"),
        (["--profile", "empty-dir"], "empty-dir declares no `recovery`"),
        (["--seed", "one"], "Input should be a valid integer"),
        (["--shape", "three-wokers"], "did you mean three-workers"),
    ],
)
def test_what_cannot_be_drilled_is_refused_before_anybody_is_asked(call, seen, capsys, no_child):
    assert cli.called(["drill", "node-loss", *call]) == 4
    assert seen in capsys.readouterr().err
    assert no_child == []


def test_a_rogue_that_is_drilled_is_called_one(capsys, no_child):
    assert cli.called(["drill", "node-loss", "--profile", "oldest-snapshot", "--dry-run"]) == 0
    assert "a rogue, which must break recovery.six-stages" in capsys.readouterr().out
    assert no_child == []


def settings_of(document) -> dict[str, object]:
    return {name: value.get("default") for name, value in document["configuration"].items()}


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Give what the control tells; a cluster that is asked for is an error nobody thought of."""
    path = tmp_path / "result.json"
    monkeypatch.setenv(RESULT, str(path))

    def grounded(*_: object) -> None:
        raise LookupError("a cluster was asked for")

    monkeypatch.setattr(session, "grounded", grounded)
    return lambda: json.loads(path.read_text())


def test_the_control_refuses_in_a_sentence_before_it_asks_for_a_cluster(told):
    document = experiments.load("node-loss").document
    with pytest.raises(InterruptExecution, match="a seed that is a whole number"):
        control.before_experiment_control({**document}, {**settings_of(document), "seed": "one"})
    assert told()["exit_code"] == 4
    assert "a seed that is a whole number" in told()["error"]


def test_an_error_that_nobody_thought_of_begins_no_method_either(told):
    """Chaos Toolkit swallows what a control raises, and would go on without a trial."""
    document = experiments.load("node-loss").document
    with pytest.raises(InterruptExecution, match="a cluster was asked for"):
        control.before_experiment_control({**document}, settings_of(document))
    assert told()["exit_code"] == 3
    assert "LookupError: a cluster was asked for" in told()["error"]


def ran(name: str, status: str = "succeeded", **more: object) -> dict[str, object]:
    activity = {"name": name, **({"tolerance": True} if "output" in more else {})}
    return {"activity": activity, "status": status, **more}


def journal(**changes: object) -> dict[str, object]:
    whole = {"status": "completed", "experiment": {"method": [1]}, "run": [ran("break")]}
    steady = {"steady_state_met": True, "probes": [ran("steady", output=True)]}
    return {**whole, "steady_states": {"before": steady, "after": steady}, **changes}


UNSTEADY = {"steady_state_met": False, "probes": [ran("steady", output=False)]}
LAST = "chaoslib.exceptions.ActivityFailed: seatrial.errors.NotReady: wanted: it\nseen: no\n"
FAILED = ran("break", "failed", exception=["Traceback (most recent call last):\n", LAST])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"run": [ran("probe", output=True)]}, ""),
        ({"run": [FAILED]}, "'break' failed: wanted: it; seen: no"),
        ({"run": [ran("probe", output=False)]}, "'probe' was not so: because"),
        ({"run": [{"activity": {"name": "break"}}]}, "'break' failed: it was interrupted"),
        ({"run": []}, "1 activities of the method were not run"),
        ({"status": "aborted"}, "the experiment ended as aborted"),
        ({"rollbacks": [ran("heal", "failed", exception=["no"])]}, "'heal' failed: no"),
        (
            {"steady_states": {"before": UNSTEADY, "after": None}, "run": []},
            "before anything was broken, 'steady' was not so: because",
        ),
        (
            {"steady_states": {"before": None, "after": UNSTEADY}, "deviated": True},
            "afterwards, 'steady' was not so: because",
        ),
    ],
)
def test_chaos_toolkits_account_is_read_for_what_went_wrong(changes, said):
    assert trouble(journal(**changes), ["because"]) == said

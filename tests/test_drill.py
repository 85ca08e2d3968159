"""The drill command: it shows before it breaks, and asks before it touches anything."""

import io
import json

import pytest

from seatrial import cli
from seatrial.chaos import drilling, experiments
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
    assert shown["faults"] == [{"fault": "node-lost", "ordinals": [1]}]
    assert shown["blast_radius"]
    assert shown["steps"][-1]["part"] == "rollbacks"
    assert no_child == []


def test_nothing_is_broken_without_leave(capsys, no_child, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.called(["drill", "node-loss"]) == 4
    assert "--yes" in capsys.readouterr().err
    assert no_child == []


def test_the_call_decides_profile_seed_and_cluster(no_child):
    call = ["drill", "node-loss", "--yes", "--seed", "7", "--profile", "mine", "--cluster", "c"]
    assert cli.called(call) == 3
    assert no_child[0]["SEATRIAL_SEED"] == "7"
    assert no_child[0]["SEATRIAL_PROFILE"] == "mine"
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

"""Experiment files: each of ours is sound, and a wrong word is named before anything is touched."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import checks, profiles
from seatrial.chaos import experiments
from seatrial.cluster import shapes
from seatrial.errors import BadInput


@pytest.fixture(params=experiments.names())
def ours(request):
    return experiments.load(request.param)


@pytest.fixture
def altered(tmp_path):
    """Give a function that loads our drill after a change to its document."""
    document = copy.deepcopy(dict(experiments.load("node-loss").document))

    def load(change) -> experiments.Experiment:
        change(document)
        path = tmp_path / "altered.yaml"
        path.write_text(yaml.safe_dump(document))
        return experiments.load(str(path))

    return load


def first(document: dict[str, Any]) -> Any:
    return document["method"][0]


def test_each_of_ours_is_sound_and_says_what_it_breaks(ours):
    assert ours.sentence
    assert ours.declared["drill"] == ours.name
    assert ours.declared["faults"]
    assert ours.declared["blast_radius"]
    assert ours.document["runtime"]["rollbacks"]["strategy"] == "always"


def test_each_of_ours_ends_with_healing(ours):
    assert ours.steps[-1][0] == "rollbacks"
    assert ours.document["rollbacks"][-1]["provider"]["func"] == "heal"


def test_each_of_ours_names_guarantees_and_a_shape_that_there_are(ours):
    assert [g.id for g in checks.chosen(ours.declared["guarantees"])]
    assert ours.shape in shapes.shapes()


def test_each_of_ours_breaks_only_ordinals_that_its_profile_has(ours):
    default = ours.document["configuration"]["profile"]["default"]
    profile = profiles.load(default, known=checks.CHECKS)
    for fault in ours.declared["faults"]:
        assert set(fault["ordinals"]) <= set(range(profile.replicas))
    claimed = set(profile.claims)
    assert set(ours.declared["guarantees"]) <= claimed


def test_the_member_of_a_drill_that_moves_it_has_a_volume_that_can_move():
    drill = experiments.load("node-out-of-service")
    assert shapes.shape(drill.shape).shared
    steps = [part["provider"]["func"] for part in drill.document["method"]]
    assert steps.index("kill_node") < steps.index("unreachable") < steps.index("fence")
    assert steps[-3:] == ["gone", "moved", "serving"]


def test_a_name_that_is_not_there_gets_the_nearest():
    with pytest.raises(BadInput, match="did you mean node-loss"):
        experiments.load("node-los")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda d: d.update(methodd=d.pop("method")), "'methodd'"),
        (lambda d: first(d).update(toleranse=True), "'toleranse'"),
        (lambda d: first(d)["provider"].update(func="back_upp"), "back_upp"),
        (lambda d: first(d)["provider"]["arguments"].update(ordinall=1), "ordinall"),
        (lambda d: first(d)["provider"]["arguments"].pop("ordinal"), "ordinal"),
        (lambda d: first(d)["provider"]["arguments"].update(ordinal="one"), "'one'"),
        (lambda d: first(d)["provider"]["arguments"].update(within="soon"), "'soon'"),
        (lambda d: first(d)["provider"].update(arguments=[1]), "[1]"),
        (lambda d: d["extensions"][0]["faults"][0].update(fault="node-lots"), "node-lots"),
        (lambda d: d["method"].insert(0, "sleep"), "'sleep'"),
        (lambda d: d.update(title=3), "title"),
        (lambda d: d.pop("description"), "description"),
    ],
)
def test_a_wrong_word_is_named_before_anything_is_touched(change, seen, altered):
    with pytest.raises(BadInput) as caught:
        altered(change)
    assert seen in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "a: [", "just words", "\0"])
def test_a_file_that_is_no_experiment_is_refused_in_a_sentence(text, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match="an experiment in"):
        experiments.load(str(path))


def test_a_folder_is_no_experiment(tmp_path):
    folder = Path(tmp_path / "x.yaml")
    folder.mkdir()
    with pytest.raises(BadInput, match="an experiment"):
        experiments.load(str(folder))

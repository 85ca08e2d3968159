"""Experiment files: each of ours is sound, and a wrong word is named before anything is touched."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import checks, profiles
from seatrial.chaos import activities, experiments, intent
from seatrial.chaos.declaration import BREAKS, FOLLOWS
from seatrial.cluster import shapes
from seatrial.errors import BadInput

LED = "leader-cut"
DRILLS = {
    "control-plane-outage", "dns-outage", "fake-death", "leader-cut", "node-freeze", "node-kill",
    "node-loss", "node-out-of-service", "pod-drift", "rolling-drift", "slow-network",
    "split-brain", "zone-outage",
}  # fmt: skip


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


def steady(document: dict[str, Any]) -> Any:
    return document["steady-state-hypothesis"]["probes"][0]


def ours_of(document: dict[str, Any]) -> Any:
    return document["extensions"][0]


def of(document: dict[str, Any], function: str) -> Any:
    return next(a for a in document["method"] if a["provider"]["func"] == function)


def test_each_of_ours_is_sound_and_says_what_it_breaks(ours):
    assert ours.sentence
    assert ours.declared.drill == ours.name
    assert ours.declared.faults
    assert ours.declared.blast_radius
    assert ours.document["runtime"]["rollbacks"]["strategy"] == "always"


def test_the_drills_that_were_asked_for_are_there():
    assert set(experiments.names()) >= DRILLS


def test_each_of_ours_looks_at_the_steady_state_before_during_and_after(ours):
    assert ours.document["steady-state-hypothesis"]["probes"]
    funcs = [part["provider"]["func"] for part in ours.document["method"]]
    first = min(n for n, f in enumerate(funcs) if f in {"cause", *BREAKS})
    looks = [n for n, f in enumerate(funcs[:-1]) if f in {"steady", "acknowledging"}]
    assert first < max(looks)
    assert funcs[-1] in {"acknowledging", "serving"}


def test_a_drill_that_breaks_the_leader_is_refused_where_nobody_leads():
    document = experiments.load(LED).document
    with pytest.raises(BadInput, match=r"ledger has no `ask.leader`"):
        intent.intended(document, intent.configured(document, {"SEATRIAL_PROFILE": "ledger"}))


def test_each_of_ours_ends_with_healing(ours):
    assert ours.steps[-1][0] == "rollbacks"
    assert ours.document["rollbacks"][-1]["provider"]["func"] == "heal"


def test_each_of_ours_names_guarantees_and_a_shape_that_there_are(ours):
    assert [g.id for g in checks.chosen(ours.declared.guarantees)]
    assert ours.shape in shapes.shapes()


def test_each_of_ours_breaks_only_ordinals_that_its_profile_has(ours):
    default = ours.document["configuration"]["profile"]["default"]
    profile = profiles.load(default, known=checks.CHECKS)
    for fault in ours.declared.faults:
        assert set(fault.ordinals) <= set(range(profile.replicas))
        assert fault.ordinals or ours.name == LED
    claimed = set(profile.claims)
    assert set(ours.declared.guarantees) <= claimed


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
        (lambda d: first(d)["provider"]["arguments"].update(ordinal=-1), "-1"),
        (lambda d: first(d)["provider"]["arguments"].update(ordinal=True), "True"),
        (lambda d: first(d)["provider"]["arguments"].update(ordinal="${ordinal}"), "${ordinal}"),
        (lambda d: first(d)["provider"]["arguments"].update(within=0), "within"),
        (lambda d: first(d)["provider"]["arguments"].update(within=float("inf")), "inf"),
        (lambda d: first(d)["provider"]["arguments"].update(within=float("nan")), "nan"),
        (lambda d: first(d)["provider"]["arguments"].update({1: 2}), "keywords must be strings"),
        (lambda d: first(d)["provider"]["arguments"].update(configuration={}), "configuration"),
        (lambda d: steady(d)["provider"]["arguments"].update(ordinals=[]), "[]"),
        (lambda d: first(d).update(provider="python"), "'python'"),
        (lambda d: first(d).update(ref="another"), "a ref"),
        (lambda d: d.update(method={}), "method"),
        (lambda d: d.update(method="lose everything"), "'lose everything'"),
        (lambda d: d.update({"steady-state-hypothesis": [2]}), "[2]"),
        (lambda d: d.update(rollbacks=8), "8"),
        (lambda d: d.update(controls=7), "7"),
        (lambda d: d.pop("controls"), "seatrial.chaos.control"),
        (lambda d: d.update(extensions=[7]), "[7]"),
        (lambda d: d.pop("extensions"), "an extension seatrial"),
        (lambda d: ours_of(d).update(faults={}), "faults"),
        (lambda d: ours_of(d).update(faults=[{"fault": [1], "ordinals": [1]}]), "faults.0.fault"),
        (lambda d: ours_of(d).pop("blast_radius"), "blast_radius"),
        (lambda d: ours_of(d).update(guarantee=["x"]), "guarantee"),
        (lambda d: d.update(configuration=9), "9"),
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


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (
            lambda d: of(d, "lose_node")["provider"]["arguments"].update(ordinal=2),
            "nothing before it breaks ordinal 1",
        ),
        (
            lambda d: ours_of(d)["faults"][0].update(ordinals=[2]),
            "declares node-lost of ordinal 2",
        ),
        (
            lambda d: ours_of(d)["faults"][0].update(ordinals=[1, 2]),
            "node-lost of ordinal 1, node-lost of ordinal 2",
        ),
        (lambda d: ours_of(d).update(faults=[]), "declares nothing"),
        (
            lambda d: ours_of(d)["faults"].append({"fault": "pod-delete", "ordinals": [0]}),
            "pod-delete of ordinal 0",
        ),
        (lambda d: d["method"].append(of(d, "lose_node")), "node-lost of ordinal 1, node-lost"),
        (lambda d: d["method"].remove(of(d, "lose_node")), "nothing before it breaks ordinal"),
        (lambda d: d["method"].reverse(), "nothing before it breaks"),
        (lambda d: of(d, "lose_node").update(background=True), "in the background"),
        (lambda d: d["rollbacks"].insert(0, of(d, "lose_node")), "nothing may be broken"),
    ],
)
def test_a_method_that_breaks_something_else_than_is_declared_is_refused(change, seen, altered):
    with pytest.raises(BadInput) as caught:
        altered(change)
    assert seen in str(caught.value)


CAUSED = "pod-drift"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda d: of(d, "cause")["provider"]["arguments"].update(fault="pod-delte"), "pod-delete"),
        (lambda d: of(d, "cause")["provider"]["arguments"].update(fault=7), "7"),
        (lambda d: of(d, "cause")["provider"]["arguments"].update(ordinal="boss"), "'boss'"),
        (lambda d: of(d, "cause")["provider"]["arguments"].update(fault="pod-evict"), "pod-evict"),
        (lambda d: of(d, "cause").update(background=True), "in the background"),
        (lambda d: of(d, "mend")["provider"]["arguments"].update(ordinal=2), "breaks ordinal 2"),
        (lambda d: of(d, "mend")["provider"]["arguments"].update(fault="pod-evict"), "healed"),
        (lambda d: d["method"].append(of(d, "mend")), "healed: pod-delete of ordinal 1"),
        (lambda d: of(d, "steady")["provider"]["arguments"].update(seconds=0), "seconds"),
        (lambda d: of(d, "steady")["provider"]["arguments"].update(ordinals=[]), "[]"),
        (lambda d: d["rollbacks"].insert(0, of(d, "cause")), "nothing may be broken"),
        (lambda d: ours_of(d).update(quorum="perhaps"), "quorum"),
        (lambda d: ours_of(d)["faults"][0].update(ordinals=["leader"]), "of ordinal leader"),
    ],
)
def test_a_wrong_word_about_a_fault_of_the_table_is_named(change, seen, tmp_path):
    document = copy.deepcopy(dict(experiments.load(CAUSED).document))
    change(document)
    path = tmp_path / "altered.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(BadInput) as caught:
        experiments.load(str(path))
    assert seen in str(caught.value)


def test_every_activity_breaks_something_or_follows_it_up_or_does_neither():
    neither = {"acknowledging", "back_up", "heal", "measured", "steady"}
    assert set(activities.__all__) == set(BREAKS) | {"cause"} | FOLLOWS | neither


def given(**settings: Any) -> dict[str, Any]:
    document = experiments.load("node-loss").document
    return {**intent.configured(document, {}), **settings}


def test_a_drill_of_ours_and_its_own_profile_agree(ours):
    found = intent.intended(ours.document, intent.configured(ours.document, {}))
    assert bool(found.profile.recovery) is (ours.name in {"node-loss", "disk-return"})
    assert found.plan.faults == ours.declared.faults
    assert found.plan.guarantees == ours.declared.guarantees


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"profile": "ledger"}, "ledger declares no `recovery`"),
        ({"profile": "early-ack"}, "early-ack declares no `recovery`"),
        ({"profile": "ledger-xls"}, "did you mean ledger-xlss"),
        ({"seed": "one"}, "a seed that is a whole number"),
        ({"seed": 1.5}, "1.5"),
        ({"seed": None}, "without seed"),
        ({"shape": "three-wokers"}, "did you mean three-workers"),
        ({"timing": "fats"}, "did you mean fast"),
        ({"cluster": "My Cluster"}, "'My Cluster'"),
        ({"keep": "sometimes"}, "'sometimes'"),
        ({"kubernetes": "newest"}, "'newest'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_touched(settings, seen):
    with pytest.raises(BadInput) as caught:
        intent.intended(experiments.load("node-loss").document, given(**settings))
    assert seen in str(caught.value)


def test_a_rogue_that_a_drill_can_show_is_drilled():
    document = experiments.load("node-loss").document
    assert intent.intended(document, given(profile="oldest-snapshot")).profile.rogue


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"replicas": 1}, "a member 1 of small"),
        ({"client": "", "port": 0}, "small declares no `client`"),
        ({"claims": ["storage.rebind"]}, "a guarantee that small claims"),
    ],
)
def test_a_profile_that_lacks_what_the_drill_needs_is_refused(changes, seen, tmp_path):
    base = Path(experiments.load("node-loss").path).parents[1] / "fixtures" / "ledger-xlss"
    profile = {"extends": str(base), "name": "small", "sentence": "not enough"} | changes
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(profile))
    with pytest.raises(BadInput) as caught:
        intent.intended(experiments.load("node-loss").document, given(profile=str(tmp_path)))
    assert seen in str(caught.value)


def test_the_environment_decides_a_setting_as_chaos_toolkit_lets_it():
    document = experiments.load("node-loss").document
    assert intent.configured(document, {"SEATRIAL_SEED": "7"})["seed"] == "7"
    plain = {"configuration": {"seed": 3, "rest": {"type": "vault"}}}
    assert intent.configured(plain, {}) == plain["configuration"]

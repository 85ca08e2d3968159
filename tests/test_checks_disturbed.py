"""Ground that others disturbed: who did what and when is named, and nobody innocent is accused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, standin
from seatrial.checks.disturbances import disturbances, weighed
from seatrial.checks.strangers import OWN, Disturbance
from seatrial.kube import credentials
from seatrial.model import Guarantee, History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

OURS = ["seatrial", "Apply", "", "T1"]
KUBECTL = ["kubectl", "Update", "scale", "T2"]
AUTOSCALER = ["kube-controller-manager", "Update", "scale", "T2"]


class Seen(Story):
    """A set of three, seen with who wrote it."""

    def __post_init__(self) -> None:
        """Begin with what our own apply made."""
        super().__post_init__()
        self.set: dict[str, Any] = {"name": "ledger", "uid": "set-1", "start": 0, "replicas": 3}
        self.set |= {"deleting": False, "update": "", "generation": 1, "writers": [OURS]}
        self.sees("ADDED")
        self.deploys()
        for ordinal in self.members:
            self.pod(ordinal, "MODIFIED", owner="set-1", phase="Running")

    def sees(self, event: str = "MODIFIED", **changes: Any) -> None:
        self.rv += 1
        self.set |= changes
        self.says("watch/statefulsets", "set", {**self.set, "event": event, "rv": self.rv})

    def written(self, *writers: list[str], **changes: Any) -> None:
        """Let the spec be changed by these, besides us."""
        generation = self.set["generation"] + 1
        self.sees(generation=generation, writers=[OURS, *writers], **changes)


def reasons(story: Story) -> list[str]:
    return [one.reason for one in disturbances(story.history())]


def breach(history: History) -> Verdict:
    """Say of a History with a breach that it is broken, of any other that it holds."""
    found = any(history.of("breach"))
    return Verdict("x.y", Standing.BROKEN if found else Standing.HOLDS, "it was seen")


def unsure(_: History) -> Verdict:
    return Verdict("x.y", Standing.UNKNOWN, "nobody looked")


def judged(story: Story, check: Any = breach) -> Verdict:
    """Give what the table's judge makes of a story."""
    (found,) = checks.judge(story.history(), [Guarantee("x.y", "s", "s", "e", (), check)])
    return found


def test_the_managers_of_a_trial_are_those_that_it_writes_under():
    assert {credentials.OURS, standin.MANAGER} == OWN


def test_nothing_is_disturbed_by_what_a_trial_itself_does():
    story = Seen(faults={"pod-delete": [1], "scale-down": [1]})
    story.drifts("pod-delete", 1)
    story.plans_down(1)
    story.written(["seatrial", "Update", "", "T3"], replicas=1)
    for ordinal in (2, 1):
        story.goes(ordinal)
    story.scaled_down([2, 1], 1)
    story.written(["seatrial", "Update", "", "T4"], replicas=3)
    story.scales_up(1)
    assert reasons(story) == []
    assert judged(story).verdict is Standing.HOLDS


SCALED = (
    "ground disturbed: the set was scaled 3 -> 5 at 41.2 s by kubectl (Update of scale), "
    "not by this trial"
)


def scaled(story: Seen) -> Seen:
    story.waits(41.2 - story.at)
    story.written(KUBECTL, replicas=5)
    story.waits(5)
    return story


def test_a_set_that_somebody_scaled_in_the_middle_is_unknown_and_says_who_did_it():
    story = scaled(Seen())
    found = judged(story)
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, SCALED)
    assert story.history().ops[found.evidence[0]].value["replicas"] == 5


def test_what_was_unknown_anyway_names_the_stranger_first():
    assert judged(scaled(Seen()), unsure).reason == f"{SCALED}; nobody looked"


def test_nobody_is_accused_of_what_happened_on_disturbed_ground():
    story = scaled(Seen())
    story.says("probe", "breach", {})
    found = judged(story)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == f"{SCALED}; so nobody is to blame that it was seen"


def test_a_breach_before_the_ground_was_disturbed_stays_one():
    story = Seen()
    story.waits(10)
    story.says("probe", "breach", {})
    assert judged(scaled(story)).verdict is Standing.BROKEN


def test_a_breach_that_came_with_the_stranger_is_not_told_from_his_doing():
    story = Seen()
    story.waits(40.9 - story.at)
    story.says("probe", "breach", {})
    assert judged(scaled(story)).verdict is Standing.UNKNOWN


def test_pods_that_were_told_of_before_the_set_that_was_scaled_are_the_strangers_by_version():
    story = Seen()
    story.waits(10)
    story.rv += 10
    story.says("watch/pods", "breach", {"rv": story.rv})
    story.rv -= 5
    assert judged(scaled(story)).verdict is Standing.UNKNOWN


def test_another_change_of_the_spec_is_named_too():
    story = Seen()
    story.written(["kubectl-edit", "Update", "", "T2"], partition=2)
    (said,) = reasons(story)
    assert "the set's spec was changed at" in said
    assert "by kubectl-edit (Update), not by this trial" in said


def test_a_label_that_somebody_puts_on_the_set_disturbs_nobody():
    story = Seen()
    story.sees(writers=[OURS, ["kubectl-label", "Update", "", "T2"]])
    assert reasons(story) == []


def test_a_stand_in_controller_and_those_whom_a_profile_names_are_the_subjects():
    story = Seen()
    story.ops[0].value["profile"]["managers"] = ["zoo-operator"]
    story.written(["seatrial-standin", "Update", "", "T2"], replicas=4)
    story.written(["zoo-operator", "Apply", "", "T2"], replicas=5)
    assert reasons(story) == []


@pytest.mark.parametrize(("declared", "told"), [(True, 0), (False, 1)])
def test_an_autoscaler_is_the_subjects_only_if_its_manifests_bring_it(declared, told):
    story = Seen()
    story.says("run", "declared", {"autoscaled": declared})
    story.written(AUTOSCALER, replicas=4)
    assert len(reasons(story)) == told


def test_a_set_made_anew_was_not_edited():
    story = Seen()
    story.stage("set-delete", 0, "planned", {"target": {}})
    story.sees("DELETED", deleting=True)
    story.sees("ADDED", uid="set-2", deleting=False, generation=9, writers=[KUBECTL])
    assert reasons(story) == []


def test_a_set_that_nobody_of_us_deleted_is_named():
    story = Seen(faults={"pod-delete": [1]})
    story.drifts("pod-delete", 1)
    story.sees("MODIFIED", deleting=True)
    story.sees("DELETED", deleting=True)
    (said,) = reasons(story)
    assert "the set was deleted at" in said


def test_a_member_that_nobody_of_us_deleted_is_named():
    story = Seen()
    story.goes(1)
    (said,) = reasons(story)
    assert "ledger-1 was deleted at" in said
    assert "by nobody of this trial (its set asks for it still)" in said


def test_an_eviction_that_nobody_of_us_asked_for_is_named_as_one():
    story = Seen()
    story.pod(1, "MODIFIED", deleting=True, disruption="EvictionByEvictionAPI")
    assert "(EvictionByEvictionAPI)" in reasons(story)[0]


@pytest.mark.parametrize("fault", ["controller-manager-stop", "etcd-freeze", "apiserver-restart"])
def test_a_member_whose_node_was_taken_for_dead_for_our_sake_is_no_strangers(fault):
    story = Seen()
    for stage in ("planned", "receipt", "healed"):
        story.stage(fault, 0, stage, {"target": story.proof(0)})
    story.pod(1, "MODIFIED", deleting=True, disruption="DeletionByTaintManager")
    assert reasons(story) == []


def test_a_member_whose_node_is_taken_for_dead_by_itself_is_told():
    story = Seen()
    story.pod(1, "MODIFIED", deleting=True, disruption="DeletionByTaintManager")
    assert "(DeletionByTaintManager)" in reasons(story)[0]


def test_one_that_is_evicted_by_hand_after_such_a_fault_is_told_all_the_same():
    story = Seen()
    for stage in ("planned", "receipt", "healed"):
        story.stage("controller-manager-stop", 0, stage, {"target": story.proof(0)})
    story.pod(1, "MODIFIED", deleting=True, disruption="EvictionByEvictionAPI")
    assert "(EvictionByEvictionAPI)" in reasons(story)[0]


@pytest.mark.parametrize(
    "why",
    [
        {"owner": ""},
        {"phase": "Failed"},
        {"labels": {"controller-revision-hash": "old"}},
        {"name": "ledger-7"},
        {"name": "driver"},
    ],
    ids=["an orphan", "one that is over", "an old one", "one too many", "no member"],
)
def test_a_pod_that_a_controller_may_well_end_is_no_strangers(why):
    story = Seen()
    story.pod(1, "MODIFIED", deleting=True, **why)
    assert reasons(story) == []


def test_where_the_subject_brings_a_controller_a_deletion_may_be_its_defect():
    story = Seen()
    story.says("controller", "controller", {"event": "started"})
    story.goes(1)
    story.claim(1, "MODIFIED", deleting=True)
    assert reasons(story) == []


@pytest.mark.parametrize(
    ("fault", "last", "told"),
    [
        ("pod-delete", "healed", 1),
        ("pod-delete", "stopped", 0),
        ("node-kill", "healed", 0),
        ("zone-kill", "healed", 0),
    ],
)
def test_what_stopped_or_hit_a_machine_has_consequences_that_nobody_can_bound(fault, last, told):
    story = Seen()
    story.stage(fault, 1, "planned", {"target": story.proof(1)})
    story.stage(fault, 1, last, story.proof(1))
    story.goes(2)
    assert len(reasons(story)) == told


def test_a_claim_that_nobody_of_us_deleted_is_named():
    story = Seen()
    story.claim(1, "MODIFIED", deleting=True)
    story.claim(2, "MODIFIED", name="of-somebody-else", deleting=True)
    (said,) = reasons(story)
    assert "the claim data-ledger-1 was deleted at" in said


def test_a_claim_that_goes_while_a_fault_is_under_way_may_be_its_consequence():
    story = Seen()
    story.stage("set-delete", 0, "planned", {"target": {}})
    story.claim(1, "MODIFIED", deleting=True)
    assert reasons(story) == []


@pytest.mark.parametrize(("fault", "told"), [("scale-down", 0), ("pod-delete", 1)])
def test_what_a_set_leaves_behind_may_be_collected_after_the_healing(fault, told):
    story = Seen()
    story.stage(fault, 1, "planned", {"target": {}})
    story.stage(fault, 1, "healed", {"pods": []})
    story.claim(1, "MODIFIED", deleting=True)
    assert len(reasons(story)) == told


def test_where_operators_may_change_the_set_a_deletion_may_be_theirs():
    story = Seen()
    story.ops[0].value["profile"]["managers"] = ["zoo-operator"]
    story.goes(1)
    assert reasons(story) == []


def test_what_the_set_asked_for_when_a_member_went_counts_and_not_what_it_asked_for_later():
    story = Seen(faults={"scale-down": [1]})
    story.goes(2)
    story.plans_down(1)
    story.written(["seatrial", "Update", "", "T3"], replicas=1)
    (said,) = reasons(story)
    assert "ledger-2 was deleted at" in said


def node(story: Story, name: str, event: str = "MODIFIED", *, ready: bool = False) -> None:
    story.rv += 1
    value = {"name": name, "ready": ready, "event": event, "rv": story.rv}
    story.says("watch/nodes", "node", value)


def test_a_node_under_a_member_that_was_not_ready_is_named_and_others_are_not():
    story = Seen()
    node(story, "worker-7")
    node(story, "worker-1", ready=True)
    assert reasons(story) == []
    node(story, "worker-1")
    node(story, "worker-1")
    (said,) = reasons(story)
    assert "node worker-1 was not Ready any more at" in said


def test_a_node_that_we_broke_is_no_disturbance():
    story = Seen()
    story.stage("node-kill", 1, "planned", {"target": story.proof(1)})
    node(story, "worker-1")
    node(story, "worker-1", "DELETED")
    assert reasons(story) == []


def test_all_nodes_of_a_zone_that_we_broke_are_no_disturbance():
    story = Seen()
    story.stage("zone-kill", 1, "planned", {"target": story.proof(1)})
    others = [{"node": story.pods[n]["node"]} for n in (1, 2)]
    story.stage("zone-kill", 1, "receipt", {**story.proof(1), "nodes": others})
    for n in (1, 2):
        node(story, story.pods[n]["node"])
    assert reasons(story) == []
    node(story, story.pods[0]["node"])
    assert len(reasons(story)) == 1


@pytest.mark.parametrize("nodes", [["worker-1", "worker-2"], {"worker-1": 3, "worker-2": 4}])
def test_nodes_that_a_proof_names_alone_or_with_counts_are_ours_too(nodes):
    story = Seen()
    story.stage("zone-kill", 1, "undo", {"nodes": nodes})
    for name in ("worker-1", "worker-2"):
        node(story, name)
    assert reasons(story) == []


@pytest.mark.parametrize("fault", ["controller-manager-stop", "etcd-freeze", "apiserver-restart"])
def test_nodes_of_which_nobody_heard_while_we_held_the_control_plane_are_no_disturbance(fault):
    story = Seen()
    story.stage(fault, 1, "planned", {"target": story.proof(0)})
    story.waits(12)
    node(story, "worker-1")
    story.stage(fault, 1, "healed", {"holder": "b"})
    node(story, "worker-2")
    assert reasons(story) == []
    node(story, "worker-1", ready=True)
    story.waits(20)
    node(story, "worker-1")
    assert len(reasons(story)) == 1


def test_a_scheduler_that_we_stopped_silences_no_node():
    story = Seen()
    story.stage("scheduler-stop", 1, "planned", {"target": story.proof(0)})
    node(story, "worker-1")
    assert len(reasons(story)) == 1


def steward(story: Story, age: float, holder: str = "a", name: str = "controller manager") -> None:
    value = {"name": name, "holder": holder, "age": age, "seconds": 15}
    story.says("probe/stewards", "steward", value)


def test_a_controller_manager_that_stands_still_is_named_and_its_set_is_not_blamed():
    story = Seen()
    steward(story, 2)
    story.waits(40)
    story.says("probe", "breach", {})
    steward(story, 38)
    found = judged(story)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "ground disturbed: the controller manager (a) has not renewed its lease for 38 s: it stands"
        " still; so nobody is to blame that it was seen"
    )


def test_a_controller_manager_that_came_back_excuses_a_breach_and_takes_nothing_from_what_holds():
    story = Seen()
    steward(story, 2)
    steward(story, 2, "s", "scheduler")
    story.waits(60)
    steward(story, 1, "b")
    steward(story, 2, "s", "scheduler")
    assert judged(story).verdict is Standing.HOLDS
    story.says("probe", "breach", {})
    found = judged(story)
    assert found.verdict is Standing.UNKNOWN
    assert "the controller manager lost its lease and was started anew between" in found.reason


@pytest.mark.parametrize("fault", ["controller-manager-stop", "etcd-freeze", "apiserver-restart"])
def test_a_controller_manager_that_we_stopped_is_no_disturbance(fault):
    story = Seen()
    steward(story, 2)
    story.stage(fault, 1, "planned", {"target": story.proof(1)})
    story.waits(40)
    story.stage(fault, 1, "receipt", {"witness": "it"})
    steward(story, 38)
    story.stage(fault, 1, "healed", {"holder": "b"})
    steward(story, 1, "b")
    assert reasons(story) == []
    story.waits(60)
    steward(story, 40, "b")
    assert ["it stands still" in reason for reason in reasons(story)] == [True]


def test_a_scheduler_that_we_did_not_stop_is_a_disturbance_while_its_neighbour_is_ours():
    story = Seen()
    steward(story, 2, "s", "scheduler")
    story.stage("controller-manager-stop", 1, "planned", {"target": story.proof(1)})
    story.waits(40)
    steward(story, 38, "s", "scheduler")
    assert ["the scheduler (s)" in reason for reason in reasons(story)] == [True]


def test_what_kept_a_trial_from_beginning_is_the_reason_of_every_verdict():
    story = Story()
    story.says("probe", "breach", {})
    story.says("run", "obstacle", {"reason": "no class fast"}, Outcome.INFO)
    found = judged(story)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith("nothing could be tried: no class fast")


def test_of_many_disturbances_a_reason_names_the_first_three():
    story = Seen()
    for ordinal in story.members:
        story.pod(ordinal, "MODIFIED", deleting=True)
        story.claim(ordinal, "MODIFIED", deleting=True)
    found = judged(story)
    assert found.reason.count("ground disturbed") == 3
    assert found.reason.endswith("; and 3 more")
    assert len(found.evidence) == 6


MANAGERS = st.sampled_from(["seatrial", "seatrial-standin", "kubectl", "argocd", "zoo-operator"])
EDITS = st.lists(st.tuples(MANAGERS, st.booleans(), st.integers(0, 5)), max_size=12)


@given(EDITS)
def test_exactly_the_changes_of_the_spec_by_strangers_are_told(edits):
    story = Seen()
    writers = {"seatrial": OURS}
    for number, (manager, spec, replicas) in enumerate(edits):
        writers[manager] = [manager, "Update", "", f"T{number + 2}"]
        generation = story.set["generation"] + spec
        story.sees(generation=generation, replicas=replicas, writers=[*writers.values()])
    strange = [m for m, spec, _ in edits if spec and m not in OWN]
    assert [one.reason.split(" by ")[1].split(" ")[0] for one in disturbances(story.history())] == (
        strange
    )


@given(
    st.sampled_from(list(Standing)),
    st.sampled_from(list(Standing)),
    st.lists(st.tuples(st.floats(2, 50), st.booleans()), min_size=1, max_size=4),
)
def test_on_disturbed_ground_nothing_holds_and_only_what_was_broken_before_is(whole, before, came):
    story = Seen()
    told = history(story, [at for at, _ in came])
    found = [one for one in disturbances(told) if one.ops[0].what == "set"]

    def check(given: History) -> Verdict:
        said = whole if len(given.ops) == len(told.ops) else before
        return Verdict("x.y", said, "why")

    verdict = weighed(told, check, check(told), found).verdict
    broken = whole is before is Standing.BROKEN
    assert verdict is (Standing.BROKEN if broken else Standing.UNKNOWN)


def history(story: Seen, times: list[float]) -> History:
    """Let kubectl change the set at these times."""
    for number, at in enumerate(sorted(times)):
        story.waits(at)
        story.written(["kubectl", "Update", "", f"T{number + 9}"])
    story.says("run", "phase", {"name": "final"})
    assert all(isinstance(op, Op) for op in story.ops)
    return story.history()


def test_when_nobody_can_tell_what_disturbed_the_ground_nothing_holds():
    story = Seen()
    story.says("fault/pod-delete", "fault", {"fault": "pod-delete", "ordinal": 1, "stage": "x"})
    found = judged(story)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith("what disturbed the ground cannot be told: KeyError")


def test_a_fault_that_was_in_place_for_too_long_is_told_with_its_time():
    value = {"fault": "node-kill", "ordinal": 1, "seconds": 2.4, "did": [], "trouble": ""}
    late = Op("fault/node-kill", "overdue", Outcome.INFO, 3.0, 3.5, value, index=0)
    said = "node-kill of ordinal 1 was in place for longer than the 2 s of the plan"
    came = Disturbance(3.0, f"{said}, and was healed in the middle", (late,))
    assert disturbances(History((late,))) == (came,)


def test_what_disturbed_and_cannot_be_told_disturbed_all_from_the_start():
    strange = Op("somebody", "obstacle", Outcome.OK, 3.0, 3.5, {}, index=0)
    said = "what disturbed the ground cannot be told: KeyError: 'reason'"
    assert checks._disturbances(History((strange,))) == [Disturbance(0.0, said, ())]


@pytest.mark.parametrize("standing", Standing)
def test_nothing_holds_in_a_drill_that_went_otherwise_than_planned(standing):
    well = Op("drill", "experiment", Outcome.OK, 1.0, 1.0, {}, index=0)
    ill = Op("drill", "experiment", Outcome.OK, 2.0, 2.0, {"trouble": "the probe failed"}, index=1)
    found = Verdict("x", standing, "all is well", (4,), {"n": 1}, ("see there",))
    assert checks._drilled(History((well,)), found) == found
    reason = "in the drill the probe failed"
    unknown = Verdict("x", Standing.UNKNOWN, reason, (4,), {"n": 1}, ("see there",))
    after = checks._drilled(History((well, ill)), found)
    assert after == (unknown if standing is Standing.HOLDS else found)

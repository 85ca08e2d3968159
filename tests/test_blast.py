"""The blast radius: what a plan states, what the injector refuses, what is healed when it is late.

The figures are pure and tried with any plan; the injector meets machines of paper.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import blast, checks, cluster, profiles
from seatrial.checks.disturbances import disturbances
from seatrial.checks.disturbances import weighed as weigh
from seatrial.cli.options import spec_of
from seatrial.cli.trial import demand_able
from seatrial.cluster import Spec, records
from seatrial.errors import BadInput, NotOurs
from seatrial.faults import FAULTS, broken
from seatrial.faults.control_rows import OF_CONTROL_PLANES
from seatrial.faults.scene import Scene
from seatrial.faults.targets import Touched
from seatrial.model import History, Op, Outcome, PlannedFault, Standing, Verdict, of_a_machine
from seatrial.plan import planned
from seatrial.progress import Quiet
from seatrial.testing import Kept, PaperNode, fake_api
from seatrial.testing.kept import stages
from seatrial.testing.staging import staging

NAMES = sorted(FAULTS)
READY = {"type": "Ready", "status": "True"}
PLANS = st.lists(
    st.builds(
        PlannedFault,
        st.sampled_from(NAMES),
        st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple),
        st.sampled_from(["", "", "5s"]),
    ),
    max_size=6,
    unique_by=lambda fault: fault.fault,
)


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_of_the_table_has_a_row_that_bounds_it(name):
    row = blast.REACHES[name]
    found = blast.bound(name, 3)
    assert found.seconds > 0
    assert 0 <= found.nodes <= 3
    assert 0 <= found.pods <= 3
    assert row.heals


def test_only_the_faults_of_the_control_plane_reach_it():
    meant = {name for name, row in blast.REACHES.items() if row.control_plane}
    assert meant == {fault.name for fault in OF_CONTROL_PLANES}


def test_no_fault_of_the_control_plane_is_planned_unless_it_is_named():
    profile = profiles.load("ledger", known=checks.CHECKS)
    given: Any = {"shape": "s", "timing": "fast", "kubernetes": "", "command": "c", "seed": 1}
    plan = planned(profile, [*checks.CHECKS.values()], **given)
    assert not any(blast.reach(fault.fault).control_plane for fault in plan.faults)
    assert plan.radius == blast.of_turns(plan.faults, 3)


@given(st.integers(1, 50))
def test_who_is_spared_leaves_a_majority_of_three_and_more(replicas):
    spared = blast.spared(replicas)
    assert spared == 1 or replicas > 2
    assert replicas < 3 or 2 * (replicas - spared) > replicas
    assert 2 * (replicas - spared - 1) <= replicas


@given(PLANS, st.integers(1, 7), st.booleans())
def test_a_radius_covers_each_fault_and_whatever_is_in_place_beside_it(faults, replicas, quorum):
    found = blast.of_turns(faults, replicas, quorum=quorum)
    by = {one.fault: one for one in found.each}
    assert set(by) == {fault.fault for fault in faults}
    beside = [by[fault.fault] for fault in faults if fault.trigger]
    for fault in faults:
        own = by[fault.fault]
        both = beside if fault.trigger else [own, *beside]
        assert own.seconds <= found.seconds
        assert sum(one.nodes for one in both) <= found.nodes
        assert min(replicas, sum(one.pods for one in both)) <= found.pods <= replicas


@given(PLANS, st.integers(3, 7))
def test_no_machine_is_stated_to_take_a_majority_unless_that_is_meant(faults, replicas):
    for one in blast.of_turns(faults, replicas).each:
        if of_a_machine(one.fault):
            assert 2 * (replicas - one.pods) > replicas
    for one in blast.of_turns(faults, replicas, quorum=True).each:
        if blast.reach(one.fault).pods == blast.SPARE:
            assert one.pods == replicas


def test_a_fault_without_a_row_is_taken_for_the_widest():
    assert blast.bound("moon-phase", 5).pods == 5
    assert blast.bound("node-moon-phase", 5) == replace(
        blast.bound("node-kill", 5), fault="node-moon-phase"
    )


def test_a_radius_is_a_sentence():
    said = blast.said(blast.of_turns([PlannedFault("node-kill", (1,))], 3))
    assert said.startswith("at most 1 machine and 1 member at once, each for at most ")
    assert "a majority of the set is left" in said


@pytest.fixture
def api():
    with fake_api() as api:
        api.kubelets = False
        status = {"replicas": 3, "readyReplicas": 3}
        api.put("statefulsets", "web", "x", spec={"replicas": 3}, status=status)
        for ordinal in range(3):
            node = f"node-{ordinal}"
            api.put("nodes", node, status={"conditions": [READY]})
            ready = {"phase": "Running", "conditions": [READY]}
            api.put("pods", f"web-{ordinal}", "x", spec={"nodeName": node}, status=ready)
        yield api


@pytest.fixture
def scene(api, tmp_path):
    nodes = {name: PaperNode(tmp_path / name, name) for name in ("node-0", "node-1", "node-2")}
    with staging(api, tmp_path, "pods", "nodes", "statefulsets", nodes=nodes) as found:
        yield found


def stated(scene: Scene, *faults: str, quorum: bool = False) -> Scene:
    together = [faults]
    return replace(scene, radius=blast.radius(together, 3, quorum=quorum))


def well(scene: Scene) -> bool:
    return all(cast("PaperNode", node).well for node in scene.nodes.values())


def refused(scene: Scene, fault: str, ordinal: int = 1) -> str:
    kept = Kept()
    with pytest.raises(BadInput) as caught, broken(FAULTS[fault], scene, ordinal, kept):
        pass
    assert well(scene)
    assert stages(kept) == ["planned", "stopped"]
    assert scene.journal.read() == ([], {})
    return str(caught.value)


def entered(scene: Scene, fault: str, ordinal: int = 1) -> Kept:
    """Break, and end the body at once; nobody heals it here but the journal."""
    kept = Kept()
    with pytest.raises(LookupError), broken(FAULTS[fault], scene, ordinal, kept):
        raise LookupError
    return kept


def test_what_was_not_planned_is_refused(scene):
    said = refused(stated(scene, "pod-delete"), "node-kill")
    assert "node-kill among the faults of the plan" in said
    assert "planned: pod-delete" in said


def test_within_its_radius_a_fault_is_caused_and_healed(scene):
    kept = entered(stated(scene, "node-kill"), "node-kill")
    assert "receipt" in stages(kept)
    assert well(scene)


def test_a_machine_with_more_members_than_stated_is_refused(api, scene):
    api.put("pods", "web-2", "x", spec={"nodeName": "node-1"})
    seen(scene, "web-2", lambda pod: pod.spec.node_name == "node-1")
    said = refused(stated(scene, "node-kill"), "node-kill")
    assert "at most 1 members, as the plan states" in said
    assert "it would touch 2: web-1, web-2" in said


def test_a_machine_that_would_take_the_last_majority_is_refused_unless_it_is_meant(api, scene):
    unready = {"phase": "Running", "conditions": [{**READY, "status": "False"}]}
    api.put("pods", "web-2", "x", status=unready)
    seen(scene, "web-2", lambda pod: not pod.ready)
    said = refused(stated(scene, "node-kill"), "node-kill")
    assert "2 of 3 members left Ready by node-kill" in said
    assert "left: web-0; it would take web-1" in said
    kept = entered(stated(scene, "node-kill", quorum=True), "node-kill")
    assert "receipt" in stages(kept)


def test_a_zone_that_has_the_majority_is_refused(api, scene):
    zone = "topology.kubernetes.io/zone"
    for name, label in (("node-0", "south"), ("node-1", "north"), ("node-2", "north")):
        api.put("nodes", name, metadata={"labels": {zone: label}})
    with scene.stream.changed:
        scene.stream.changed.wait_for(
            lambda: all(n.metadata.labels for n in scene.stream.items("nodes").values()), 5
        )
    assert "it would touch 2: web-1, web-2" in refused(stated(scene, "zone-kill"), "zone-kill")


def test_all_that_is_broken_at_once_counts(scene):
    both = replace(scene, radius=blast.radius([["node-freeze"], ["node-kill"]], 3, quorum=True))
    with both.targets.touching(Touched(frozenset({"node-0"}))):
        said = refused(both, "node-kill")
    assert "all that is broken at once to touch at most 1 machines" in said
    assert well(scene)


def test_the_machine_of_the_driver_is_never_broken(scene):
    said = refused(replace(stated(scene, "node-kill"), driver="node-1"), "node-kill")
    assert "the driver runs on node-1" in said
    assert "node-1" in refused(replace(scene, driver="node-1"), "node-kill")


@pytest.mark.parametrize("role", ["driver", "control-plane"])
def test_a_machine_that_is_no_worker_is_never_broken(role, scene):
    nodes = {**scene.nodes, "node-1": replace(scene.nodes["node-1"], role=role)}
    said = refused(replace(stated(scene, "node-kill"), nodes=nodes), "node-kill")
    assert f"node-1 is the {role}'s and never a victim" in said


def test_what_is_in_place_for_too_long_is_healed_and_told(scene):
    short = stated(scene, "node-kill")
    assert short.radius
    late = tuple(replace(one, seconds=0.3) for one in short.radius.each)
    kept = Kept()
    brief = replace(short, radius=replace(short.radius, each=late))

    def outlived() -> None:
        with broken(FAULTS["node-kill"], brief, 1, kept):
            assert not well(brief)
            threading.Event().wait(1)
            assert well(brief)
            raise LookupError

    with pytest.raises(LookupError):
        outlived()
    (op,) = kept.of("overdue")
    assert op.value["did"] == ["node-1 was exited and runs again"]


def test_what_was_in_place_for_too_long_leaves_every_verdict_unknown():
    value = {"fault": "node-kill", "ordinal": 1, "seconds": 2.0, "did": [], "trouble": ""}
    late = Op("fault/node-kill", "overdue", Outcome.INFO, 3.0, 3.1, value, index=1)
    (came,) = disturbances(History((late,)))
    assert "node-kill of ordinal 1 was in place for longer than the 2 s of the plan" in came.reason
    holds = Verdict("x", Standing.HOLDS, "all is well")
    weighed = weigh(History((late,)), lambda _: holds, holds, [came])
    assert weighed.verdict is Standing.UNKNOWN


def test_a_fault_that_a_provider_cannot_do_is_refused_before_there_is_a_cluster():
    demand_able(("pod-delete:3", "node-kill"), Spec("c"))
    demand_able(("pod-delete",), Spec("c", provider="existing"))
    with pytest.raises(BadInput, match="its machines are not ours to stop"):
        demand_able(("node-kill",), Spec("c", provider="existing"))


def test_a_cluster_that_is_named_needs_neither_shape_nor_timing_of_ours():
    cluster.check_spec(spec_of("", "three-workers", "fast", "1.34", "theirs"))


def test_a_cluster_that_is_not_ours_is_never_taken_without_being_named(monkeypatch):
    record: Any = type("Record", (), {"provider": "existing", "context": "theirs"})
    monkeypatch.setattr(records, "load", lambda _: record)
    with pytest.raises(NotOurs, match="--allow theirs names it"):
        cluster.up(Spec("c", timing="fast"), Quiet())


def seen(scene: Scene, name: str, so: Any) -> None:
    """Wait until the watch has shown a pod to be so."""
    with scene.stream.changed:
        assert scene.stream.changed.wait_for(lambda: so(scene.stream.items("pods")[name]), 5)

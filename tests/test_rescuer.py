"""The rescuer of the recovering ledger: what it clears, in which order, and what it lets be."""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.places import carried
from seatrial.testing import FakeApi, fake_api

IMAGE = carried("fixtures") / "ledger-recovery" / "image"
SPACE = "trial-1"
TAINT = {"key": "node.kubernetes.io/out-of-service", "value": "seatrial", "effect": "NoExecute"}
MARKED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def loaded(name: str) -> ModuleType:
    """Import a module of the image as its container does, and leave no bytecode in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(IMAGE)
        patch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(name)


rescuer, api_of_pods = loaded("rescuer"), loaded("api")
CHARGE = rescuer.Charge(SPACE, "ledger")
CLEARED = [
    ("persistentvolumes", "pv-1"),
    ("persistentvolumeclaims", "data-ledger-1"),
    ("pods", "ledger-1"),
]


def node(*, ready: bool, out: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    return {"spec": {"taints": [TAINT] if out else []}, "status": {"conditions": conditions}}


def volume(ordinal: int, host: str, **meta: Any) -> dict[str, Any]:
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
    where = {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}
    claim = {"name": f"data-ledger-{ordinal}", "namespace": SPACE, "uid": f"claim-{ordinal}"}
    return {"metadata": meta, "spec": {"claimRef": claim, "nodeAffinity": where if host else {}}}


class Ground:
    """Three members, each on its own node with a volume that only this node can mount."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        api.lingering |= {"persistentvolumes", "persistentvolumeclaims"}
        for ordinal in range(3):
            api.put("nodes", f"n{ordinal}", **node(ready=True, out=False))
            self.member(ordinal, f"n{ordinal}", f"n{ordinal}")
        api.put("pods", "other-1", SPACE, spec={"nodeName": "n1"})

    def member(self, ordinal: int, on: str, host: str) -> None:
        owner = {"kind": "StatefulSet", "name": "ledger", "uid": "set", "controller": True}
        meta = {"uid": f"pod-{ordinal}", "ownerReferences": [owner]}
        put = self.api.put
        put("pods", f"ledger-{ordinal}", SPACE, metadata=meta, spec={"nodeName": on})
        claim = {"metadata": {"uid": f"claim-{ordinal}"}, "spec": {"volumeName": f"pv-{ordinal}"}}
        put("persistentvolumeclaims", f"data-ledger-{ordinal}", SPACE, **claim)
        put("persistentvolumes", f"pv-{ordinal}", **volume(ordinal, host, uid=f"volume-{ordinal}"))

    def kill(self, ordinal: int) -> None:
        """Let a node die, be fenced and its pods be asked to go, as far as the API server sees."""
        self.api.put("nodes", f"n{ordinal}", **node(ready=False, out=True))
        self.api.put("pods", f"ledger-{ordinal}", SPACE, metadata=MARKED)

    def seen(self) -> Any:
        kinds = "pods", "persistentvolumeclaims", "persistentvolumes", "nodes"
        known = [self.api.of(kind).items() for kind in kinds]
        return rescuer.Seen(*({key.split("/")[1]: one for key, one in kind} for kind in known))

    def steps(self, look: Callable[[str], Any] | None = None) -> list[tuple[str, str]]:
        look = look or (lambda name: self.api.of("nodes").get(f"/{name}"))
        found = rescuer.steps(self.seen(), CHARGE, look)
        assert {step.did for step in found} <= {"delete"}
        assert {step.ordinal for step in found} <= {1}
        return [(step.what, step.name) for step in found]


@pytest.fixture
def ground():
    return Ground(FakeApi())


def test_nothing_is_touched_while_all_nodes_live(ground):
    assert ground.steps() == []


def test_a_node_that_is_only_not_ready_may_still_run_its_members(ground):
    ground.api.put("nodes", "n1", **node(ready=False, out=False))
    ground.api.put("pods", "ledger-1", SPACE, metadata=MARKED)
    assert ground.steps() == []


def test_a_mark_on_a_node_that_is_ready_again_means_nothing(ground):
    ground.kill(1)
    ground.api.put("nodes", "n1", **node(ready=True, out=True))
    assert ground.steps() == []


def test_volume_and_claim_go_first_and_the_stuck_pod_last(ground):
    ground.kill(1)
    assert ground.steps() == CLEARED


def test_a_member_that_was_not_asked_to_go_is_not_stuck(ground):
    ground.api.put("nodes", "n1", **node(ready=False, out=True))
    assert ground.steps() == []


def test_a_node_that_is_gone_frees_its_members_at_once(ground):
    ground.api.remove("nodes", "n1")
    assert ground.steps() == CLEARED


def test_what_was_seen_of_a_node_is_asked_again_before_anything_is_touched(ground):
    ground.kill(1)
    assert ground.steps(look=lambda _: node(ready=True, out=False)) == []
    ground.api.remove("nodes", "n1")
    assert ground.steps(look=lambda _: node(ready=True, out=False)) == []


def test_a_volume_that_other_nodes_can_mount_is_kept(ground):
    ground.kill(1)
    ground.api.put("persistentvolumes", "pv-1", spec={"nodeAffinity": None})
    assert ground.steps() == [("pods", "ledger-1")]


def test_a_claim_is_freed_also_when_somebody_else_has_ended_the_pod(ground):
    ground.kill(1)
    ground.api.remove("pods", "ledger-1", SPACE)
    assert ground.steps() == CLEARED[:2]
    ground.api.put("pods", "ledger-1", SPACE, spec={})
    assert ground.steps() == CLEARED[:2]


@pytest.mark.parametrize("done", [1, 2])
def test_who_starts_again_in_the_middle_finds_the_rest(ground, done):
    ground.kill(1)
    for what, name in CLEARED[:done]:
        ground.api.delete(what, name, "" if what == "persistentvolumes" else SPACE)
    assert ground.steps() == CLEARED[done:]


def test_volumes_and_pods_of_others_on_the_dead_node_are_not_ours(ground):
    ground.kill(1)
    theirs = volume(1, "n1", finalizers=["somebody/waits"], **MARKED)
    theirs["spec"]["claimRef"] |= {"namespace": "theirs", "uid": "their own"}
    ground.api.put("persistentvolumes", "pv-theirs", **theirs)
    ground.api.put("persistentvolumeclaims", "store", SPACE, spec={"volumeName": "pv-theirs"})
    ground.api.put("pods", "other-1", SPACE, metadata=MARKED)
    assert ground.steps() == CLEARED


def test_a_volume_that_waits_for_the_dead_node_is_let_go_once_its_claim_is(ground):
    guards = ["kubernetes.io/pv-protection", "external-provisioner.volume.kubernetes.io/finalizer"]
    ground.kill(1)
    ground.api.put("persistentvolumes", "pv-1", metadata={**MARKED, "finalizers": guards})
    assert ground.steps() == CLEARED[1:]
    ground.api.remove("persistentvolumeclaims", "data-ledger-1", SPACE)
    ground.api.remove("pods", "ledger-1", SPACE)
    look = lambda name: ground.api.of("nodes").get(f"/{name}")  # noqa: E731 - one line is enough
    (step,) = rescuer.steps(ground.seen(), CHARGE, look)
    assert (step.did, step.name, step.keep) == ("unbind", "pv-1", tuple(guards[:1]))
    assert "nobody there answers" in step.why
    ground.api.put("nodes", "n1", **node(ready=True, out=False))
    assert rescuer.steps(ground.seen(), CHARGE, look) == []


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=3, max_size=3))
def test_only_members_of_dead_nodes_are_ever_touched(states):
    ground = Ground(FakeApi())
    for ordinal, (ready, out, asked) in enumerate(states):
        ground.api.put("nodes", f"n{ordinal}", **node(ready=ready, out=out))
        if asked:
            ground.api.put("pods", f"ledger-{ordinal}", SPACE, metadata=MARKED)
    found = rescuer.steps(ground.seen(), CHARGE, lambda n: ground.api.of("nodes").get(f"/{n}"))
    stuck = [n for n, (ready, out, asked) in enumerate(states) if out and asked and not ready]
    assert [s.name for s in found if s.what == "pods"] == [f"ledger-{n}" for n in stuck]
    assert {s.ordinal for s in found} == set(stuck)
    assert len(found) == 3 * len(stuck)


@contextmanager
def running(api: FakeApi) -> Iterator[Any]:
    """Run the rescuer itself against the fake server."""
    found = rescuer.Rescuer(api_of_pods.Api(api.host, Path("/nowhere")), CHARGE)
    thread = threading.Thread(target=found.run)
    thread.start()
    try:
        yield found
    finally:
        with found.changed:
            found.over = True
            found.changed.notify_all()
        thread.join()


def until(api: FakeApi, condition: Callable[[], bool]) -> None:
    with api.changed:
        assert api.changed.wait_for(condition, 20)


def watched(api: FakeApi, count: int = 4) -> None:
    """Wait until so many watches are open, which is no change that anybody is told of."""
    with api.changed:
        while len(api.watches) < count:
            api.changed.wait(0.01)


def replaced(api: FakeApi, before: list[int]) -> None:
    """Wait until none of these watches is open any more."""
    with api.changed:
        while {id(watch) for watch in api.watches} & {*before}:
            api.changed.wait(0.01)


def cleared(api: FakeApi) -> bool:
    """Whether all of member 1 is on its way out, or gone."""
    places = [("persistentvolumes", "/pv-1"), ("persistentvolumeclaims", f"{SPACE}/data-ledger-1")]
    left = [api.of(plural).get(key) for plural, key in places]
    gone = f"{SPACE}/ledger-1" not in api.of("pods")
    return gone and all(one is None or "deletionTimestamp" in one["metadata"] for one in left)


def test_it_clears_a_dead_node_as_soon_as_it_is_told(capfd):
    with fake_api() as api:
        ground = Ground(api)
        with running(api):
            ground.kill(1)
            until(api, lambda: cleared(api))
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["what"], line["name"]) for line in lines] == CLEARED
    assert {(line["stage"], line["node"], line["outcome"]) for line in lines} == {
        ("cleared", "n1", "done")
    }
    assert all(line["ended"] >= line["began"] > 1.7e9 for line in lines)


@pytest.mark.parametrize("mishap", ["close", "cut", "gone", "error", "garbage"])
def test_it_goes_on_after_a_watch_that_went_wrong(mishap):
    with fake_api() as api:
        ground = Ground(api)
        with running(api):
            watched(api)
            api.mishap(mishap)
            ground.kill(1)
            until(api, lambda: cleared(api))


def test_versions_that_are_too_old_are_listed_anew():
    with fake_api() as api:
        ground = Ground(api)
        with running(api):
            watched(api)
            api.put("nodes", "n2", **node(ready=False, out=False))
            api.compact()
            before = [id(watch) for watch in api.watches]
            api.mishap("close")
            replaced(api, before)
            ground.kill(1)
            until(api, lambda: cleared(api))


def test_what_the_server_refuses_is_tried_again_in_the_same_order(capfd):
    with fake_api() as api:
        ground = Ground(api)
        with running(api):
            watched(api)
            api.refuse += [500, 429]
            ground.kill(1)
            until(api, lambda: cleared(api))
    out = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["what"], line["name"]) for line in out] == CLEARED


def test_it_does_nothing_twice_when_it_starts_again(capfd):
    with fake_api() as api:
        Ground(api).kill(1)
        with running(api):
            until(api, lambda: cleared(api))
        version = api.version
        with running(api):
            watched(api, 8)
        assert api.version == version
    assert len(capfd.readouterr().out.splitlines()) == 3


def test_a_pod_of_the_same_name_that_is_another_one_is_left_alone():
    with fake_api() as api:
        Ground(api)
        there = api_of_pods.Api(api.host, Path("/nowhere"))
        old = rescuer.Step("delete", "pods", "ledger-1", "an older uid", 1, "n1", "")
        assert rescuer.act(there, SPACE, old) == "it was gone already"
        assert f"{SPACE}/ledger-1" in api.of("pods")

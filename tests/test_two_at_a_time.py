"""The rogue two-at-a-time in a real rolling update of the fake cluster: its own child, judged."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial import checks, profiles, timing
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.standin import Reach, beside
from seatrial.testing import FakeApi, Kept, Revised, fake_api, revised
from seatrial.timing import Limit, poll, wait

SOON = Limit("the test's own patience", 20)
KINDS = ("pods", "statefulsets", "controllerrevisions")
ROLLING = "ordering.rolling-update"
ROGUE = profiles.load("two-at-a-time", known=checks.CHECKS)
SPEC = {
    "replicas": 3,
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    "template": {"spec": {"containers": [{"name": "main", "image": "ledger"}]}},
}


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    for name in ("a halt is watched", "update begins"):
        monkeypatch.setitem(timing._SECONDS, name, 1.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def unsettled(scene: Scene) -> str | None:
    pods = [scene.member(n) for n in range(3)]
    found = scene.stream.items("statefulsets").get(scene.set)
    if found is None or any(pod is None or not pod.ready for pod in pods):
        return "not all are Ready"
    labels = {pod.metadata.labels["controller-revision-hash"] for pod in pods if pod}
    return None if labels == {found.status.update_revision} else f"{labels}"


def updated(api: FakeApi, folder: Path, controller: str) -> Verdict:
    """Judge an update that Kubernetes' own controller makes, with another one beside it."""
    api.put("statefulsets", "ledger", "x", kind="StatefulSet", apiVersion="apps/v1", spec=SPEC)
    config, kept = api.kubeconfig(folder / "kubeconfig"), Kept()
    subject = replace(ROGUE, controller=controller)
    with ExitStack() as stack:
        stack.enter_context(revised(Revised(api)))
        stream = stack.enter_context(Stream(connect(config), KINDS, "x", kept))
        scene = Scene(connect(config), stream, "x", "ledger")
        wait(stream, lambda _: unsettled(scene), SOON)
        log = folder / "controller.log"
        stack.enter_context(beside(subject, Reach(config, "", "x"), log, kept))
        if controller:  # as in a trial, which begins before the set is there
            seen = lambda: None if "Handler '" in log.read_text() else "it has seen nothing"  # noqa: E731
            poll(seen, SOON, every=0.02)
        with broken(FAULTS["rolling-update"], scene, 0, kept):
            pass
    return checks.judge(told(kept), [checks.CHECKS[ROLLING]])[0]


def told(kept: Kept) -> History:
    planned = {"faults": [{"fault": "rolling-update", "ordinals": [0]}]}
    profile = {"name": "two-at-a-time", "set": "ledger", "replicas": 3}
    head = {"plan": planned, "profile": profile, "limits": timing.limits()}
    recorded = sorted(kept.ops, key=lambda op: op.completed)
    recorded += [
        replace(op, what="revision", value={**op.value, "name": op.value["update"]})
        for op in kept.of("set")
        if op.value["update"]
    ]
    ops = [Op("run", "plan", Outcome.OK, 0.0, 0.0, head), *recorded]
    return History(tuple(replace(op, index=place) for place, op in enumerate(ops)))


@pytest.fixture
def api():
    with fake_api(FakeApi(lingering={"pods"})) as running:
        yield running


def test_two_that_are_updated_at_once_break_the_rolling_update(api, tmp_path):
    found = updated(api, tmp_path, ROGUE.controller)
    assert found.verdict is Standing.BROKEN, found.reason
    assert "ledger-1 was" in found.reason


def test_the_same_update_with_nobody_beside_holds(api, tmp_path):
    found = updated(api, tmp_path, "")
    assert found.verdict is Standing.HOLDS, found.reason


def test_the_rogue_says_that_it_breaks_both_orders():
    assert set(ROGUE.breaks) == {"ordering.scale-down", ROLLING}

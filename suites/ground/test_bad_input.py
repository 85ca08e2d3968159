"""Bad input on a real cluster: named in a sentence, unknown, never holds, and nobody is blamed.

The same in seconds, and more of it, on paper: tests/test_bad_input.py.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import checks, command, live, profiles, timing
from seatrial.cli.trial import Order, judged_of, tried
from seatrial.cluster import KindNode, engine
from seatrial.ground import Ground, Keep
from seatrial.kube.client import Kube, connect
from seatrial.kube.stewards import stewards
from seatrial.kube.watch import Stream
from seatrial.live import Live
from seatrial.places import carried
from seatrial.progress import Quiet
from seatrial.timing import Limit, happens, wait
from seatrial.workload import namespace_of, removed

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
CLAIM = "storage.rebind"
LED_AGAIN = Limit("the controller manager leads again", 240)
_LEASES = "leases.coordination.k8s.io/v1"
LEASE_RUNS_OUT = Limit("the lease of who stands still runs out", 20)
_SIGNAL = """for at in /proc/[0-9]*; do
    read -r name < "$at/comm" 2>/dev/null || continue
    [ "$name" = kube-controller ] && kill "-$1" "${at#/proc/}" && echo "${at#/proc/}"
done; true"""
"""The kernel cuts the name of kube-controller-manager off after 15 letters."""


@dataclass
class Trying:
    """Certifies variants of the ledger, written below `folder`."""

    folder: Path
    ground: Ground
    out: Path
    seed: int
    namespace: str = ""

    def certified(self, *patches: dict[str, Any], ground: Ground | None = None) -> str:
        """Try the ledger with these changes of its set; gives the reason, which is unknown."""
        base = carried("fixtures") / "ledger"
        (self.folder / "manifests").mkdir()
        whole = {
            "resources": [os.path.relpath(base / "manifests", self.folder / "manifests")],
            "patches": [{"target": {"kind": "StatefulSet"}, "patch": json.dumps(patches)}],
        }
        if not patches:
            del whole["patches"]
        (self.folder / "manifests" / "kustomization.yaml").write_text(yaml.safe_dump(whole))
        keys = {"extends": str(base), "name": "unlucky", "sentence": "bad input awaits it"}
        keys["manifests"] = "manifests"
        (self.folder / "profile.yaml").write_text(yaml.safe_dump(keys))
        profile = profiles.load(self.folder, known=checks.CHECKS)
        spec = self.ground.spec
        order = Order(profile, judged_of(profile, [CLAIM]), spec, Keep.NEVER, self.out, "unlucky")
        trial = tried(order, ground or self.ground, self.seed, Quiet())
        (verdict,) = trial.verdicts
        assert verdict.verdict == "unknown", verdict.reason
        self.namespace = namespace_of(trial.folder)
        return verdict.reason

    @property
    def nothing_was_made(self) -> bool:
        found = self.ground.kube.get("/api/v1/namespaces")["items"]
        return self.namespace not in {one["metadata"]["name"] for one in found}


@pytest.fixture
def trying(trial_ground, pytestconfig, tmp_path):
    """Give what tries a variant; afterwards every node must be Ready still."""
    out = Path(pytestconfig.getoption("--trial-out"))
    yield Trying(tmp_path, trial_ground, out, pytestconfig.getoption("--trial-seed"))
    with Stream(trial_ground.kube, ("nodes",)) as stream:
        assert all(node.ready for node in stream.items("nodes").values())


@pytest.fixture
def in_the_middle(monkeypatch):
    """Give a function that lets something happen right before the first fault."""

    def arranged(mishap: Callable[[Live], object]) -> None:
        phase = Live.phase

        def begins(alive: Live, name: str) -> None:
            phase(alive, name)
            if name == "fault":
                mishap(alive)

        monkeypatch.setattr(Live, "phase", begins)

    return arranged


def hurry(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """Wait no longer than this for what will not come."""
    for name, longest in seconds.items():
        monkeypatch.setitem(vars(timing)["_SECONDS"], name, longest)


def container(path: str, value: object) -> dict[str, Any]:
    where = f"/spec/template/spec/containers/0/{path}"
    return {"op": "add", "path": where, "value": value}


def test_a_set_that_never_becomes_ready_names_pod_container_and_last_words(trying, monkeypatch):
    hurry(monkeypatch, **{"workload is ready": 30})
    crash = container("command", ["sh", "-c", "echo no luck today >&2; exit 3"])
    telling = container("terminationMessagePolicy", "FallbackToLogsOnError")
    said = trying.certified(crash, telling)
    assert said.startswith("nothing could be tried: every member of unlucky Ready")
    assert "ledger-0 is Running on " in said
    assert "container ledger: " in said
    assert "last ended with exit code 3" in said
    assert "no luck today" in said
    assert "Pod ledger-0: BackOff" in said
    assert "kubectl logs --previous says why it ended" in said


def classed(name: str) -> dict[str, Any]:
    where = "/spec/volumeClaimTemplates/0/spec/storageClassName"
    return {"op": "add", "path": where, "value": name}


def test_a_class_that_does_not_exist_is_named_before_anything_is_made(trying):
    said = trying.certified(classed("no-such-class"))
    assert "the storage class no-such-class, for the claim template data of the set ledger" in said
    assert trying.nothing_was_made


def test_a_class_that_went_in_the_meantime_is_told_by_the_claims_own_event(trying, monkeypatch):
    """As if it had been there when it was asked for: only the claim's event can tell."""
    monkeypatch.setattr(live, "demand", lambda *_: None)
    said = trying.certified(classed("no-such-class"))
    assert "the storage class no-such-class, for the claim template data of the set ledger" in said


def test_a_set_that_somebody_scales_in_the_middle_is_unknown_and_says_who(trying, in_the_middle):
    cluster = trying.ground.cluster

    def scales(alive: Live) -> None:
        argv = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context]
        argv += ["--namespace", alive.alive.namespace, "scale", "statefulset/ledger"]
        command.run([*argv, "--replicas=4"])
        alive.alive.until_ready()

    in_the_middle(scales)
    said = trying.certified()
    assert said.startswith("ground disturbed: the set was scaled 3 -> 4 at ")
    assert "by kubectl (Update of scale), not by this trial" in said


@contextmanager
def paused(ground: Ground) -> Iterator[None]:
    """Stop the controller manager's process while the body runs.

    Whoever is killed in between leaves it to the kubelet: its liveness probe fails, and within
    some two minutes it is started anew. So the journal need not know.
    """
    found = engine.find(Quiet())
    (node,) = [n for n in ground.cluster.nodes if n.role == "control-plane"]
    assert isinstance(node, KindNode)

    def told(word: str) -> str:
        return found.docker("exec", node.container, "sh", "-c", _SIGNAL, "sh", word)

    before = leader(ground.kube)
    assert told("STOP").split(), "no controller manager to pause"
    try:
        yield
    finally:
        told("CONT")
        until_led(ground.kube, before)


def leader(kube: Kube) -> str:
    """Say which process of the controller manager leads."""
    return next(found.holder for found in stewards(kube) if found.name == "controller manager")


def until_led(kube: Kube, before: str) -> None:
    """Wait until another process leads, and its controllers work: one of them ends a namespace.

    Who could not renew its lease ends, perhaps only after a last piece of work.
    """
    with Stream(kube, (_LEASES,), "kube-system") as stream:
        wait(stream, lambda _: None if leader(kube) != before else "it leads still", LED_AGAIN)
    space = f"pause-{secrets.token_hex(4)}"
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}])
    removed(kube, space)


def test_a_controller_manager_that_stands_still_is_named_before_anything_is_made(trying):
    with paused(trying.ground):
        with Stream(trying.ground.kube, ("nodes",)) as stream:
            happens(stream, lambda _: "not yet", LEASE_RUNS_OUT)
        said = trying.certified()
    assert "has not renewed its lease for " in said
    assert "the controller manager (" in said
    assert trying.nothing_was_made


def test_a_controller_manager_that_is_paused_in_the_middle_is_named_and_the_set_is_not_blamed(
    trying, in_the_middle, monkeypatch
):
    late = {"pod is replaced": 25, "eviction is allowed": 25, "namespace is gone": 5}
    hurry(monkeypatch, **late)
    with ExitStack() as pause:
        in_the_middle(lambda _: pause.enter_context(paused(trying.ground)))
        try:
            said = trying.certified()
        finally:
            monkeypatch.undo()
    removed(trying.ground.kube, trying.namespace)
    assert "ground disturbed: the controller manager (" in said
    assert "it stands still" in said


@contextmanager
def limited(ground: Ground, folder: Path) -> Iterator[tuple[str, Kube]]:
    """Give the name and the connection of an account that may do nearly all: not watch pods."""
    name = f"limited-{secrets.token_hex(4)}"
    account = f"/api/v1/namespaces/default/serviceaccounts/{name}"
    seen = ["namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "statefulsets"]
    verbs = ["get", "list", "create", "patch", "delete"]
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": verbs},
        {"apiGroups": ["*"], "resources": [*seen, "poddisruptionbudgets"], "verbs": ["watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    binding = {**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]}
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    ground.kube.apply([made, {**role, "rules": rules}, binding], "default")
    try:
        order = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        said = json.loads(ground.kube.send("POST", f"{account}/token", order))
        whole = yaml.safe_load(ground.cluster.kubeconfig.read_text())
        for user in whole["users"]:
            user["user"] = {"token": said["status"]["token"]}
        path = folder / "limited"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(whole))
        yield name, connect(path, ground.cluster.context)
    finally:
        for kind in ("clusterrolebindings", "clusterroles"):
            ground.kube.delete(f"/apis/{rbac}/v1/{kind}/{name}")
        ground.kube.delete(account)


def test_a_watch_that_is_forbidden_is_named_with_the_way_to_grant_it(trying, tmp_path):
    with limited(trying.ground, tmp_path) as (name, kube):
        said = trying.certified(ground=replace(trying.ground, kube=kube))
    user = f"system:serviceaccount:default:{name}"
    assert f"{user} may not watch pods in namespace {trying.namespace}" in said
    assert f"kubectl auth can-i watch pods -n {trying.namespace}" in said
    assert f"--serviceaccount=default:{name}" in said
    assert trying.nothing_was_made

"""A workload: alone in its namespace, waited for, and when it is late it says why."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from seatrial import timing
from seatrial.errors import CannotRun, NotReady, Untried
from seatrial.kube.client import Kube, connect
from seatrial.model import History, Profile
from seatrial.scrub import scrub
from seatrial.testing import Kept, controlled, fake_api
from seatrial.workload import OURS, deployed, emptied, removed

PROFILE = Profile("p", "s", "f", "m", "web", "web", 2, "main", (), (), {})
SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web"},
    "spec": {"replicas": 2},
}
SOON = timing.Limit("the test's own patience", 20)
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


@pytest.fixture
def hurry(monkeypatch):
    for name in ("workload is ready", "namespace is gone"):
        monkeypatch.setitem(timing._SECONDS, name, 0.3)


def changed(old, new) -> str | None:
    return None if old != new else "nothing has changed"


def late(kube) -> Untried:
    """Deploy what never gets Ready, and give what is said."""
    with pytest.raises(Untried) as caught, deployed(PROFILE, [SET], kube, "trial-1", Kept()):
        pytest.fail("the body must not run")
    return caught.value


def test_it_runs_in_a_namespace_of_ours_once_every_member_is_ready(api, kube):
    kept = Kept()
    with controlled(api), deployed(PROFILE, [SET], kube, "trial-1", kept) as alive:
        assert alive.unready() is None
        assert [alive.name(n) for n in range(2)] == ["web-0", "web-1"]
        assert alive.member(2) is None
    assert api.of("namespaces")["/trial-1"]["metadata"]["labels"] == {OURS: "trial-1"}
    events = [(op.value["name"], op.value["event"]) for op in kept.of("pod")]
    assert events == [
        ("web-0", "ADDED"), ("web-0", "MODIFIED"), ("web-1", "ADDED"), ("web-1", "MODIFIED"),
    ]  # fmt: skip


def test_a_set_that_counts_from_five_is_ready_with_its_own_members(api, kube):
    counted = {**SET, "spec": {"replicas": 2, "ordinals": {"start": 5}}}
    subject, kept = replace(PROFILE, first_ordinal=5), Kept()
    with controlled(api), deployed(subject, [counted], kube, "trial-1", kept) as alive:
        assert alive.unready() is None
        assert sorted(alive.stream.items("pods")) == ["web-5", "web-6"]
        timing.wait(alive.stream, lambda s: None if s.items("statefulsets") else "none yet", SOON)
    assert {op.value["start"] for op in kept.of("set")} == {5}
    assert list(History(()).members) == []


def test_a_custom_resource_that_the_profile_names_is_recorded(api, kube):
    restores = "restores.recovery.seatrial.dev/v1"
    api.define(restores, "Restore")
    kept, named = Kept(), replace(PROFILE, watch=(restores,))
    with controlled(api), deployed(named, [SET], kube, "trial-1", kept) as alive:
        api.put("restores", "one", "trial-1", status={"phase": "Done"})
        found = lambda s: None if s.items(restores) else "none yet"  # noqa: E731 - one use
        timing.wait(alive.stream, found, SOON)
    assert [op.value["status"] for op in kept.of("custom")] == [{"phase": "Done"}]


def test_each_run_gets_secrets_of_its_own_that_nobody_writes_down(api, kube):
    keys = set()
    for run in ("trial-1", "trial-2"):
        kept = Kept()
        profile = replace(PROFILE, secrets=("backup-key",))
        with controlled(api), deployed(profile, [SET], kube, run, kept):
            key = api.of("secrets")[f"{run}/backup-key"]["stringData"]["key"]
        assert len(key) >= 43
        assert key not in repr(kept.ops)
        assert key not in repr(scrub(api.of("secrets")[f"{run}/backup-key"]))
        keys.add(key)
    assert len(keys) == 2


def test_what_lives_in_no_namespace_belongs_to_the_trials_and_goes_with_it(api, kube):
    version = "rbac.authorization.k8s.io/v1"
    role = {"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": "seatrial-x"}}
    with controlled(api), deployed(PROFILE, [SET, role], kube, "trial-1", Kept()):
        pass
    uid = api.of("namespaces")["/trial-1"]["metadata"]["uid"]
    (owner,) = api.of("clusterroles")["/seatrial-x"]["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Namespace", "name": "trial-1", "uid": uid}
    assert "ownerReferences" not in api.of("statefulsets")["trial-1/web"]["metadata"]


def test_a_member_that_comes_back_is_waited_for(api, kube):
    with controlled(api), deployed(PROFILE, [SET], kube, "trial-1", Kept()) as alive:
        api.lingering.add("pods")
        old = alive.member(0)
        api.delete("pods", "web-0", "trial-1")
        timing.wait(alive.stream, lambda _: changed(old, alive.member(0)), SOON)
        alive.until_ready()
        new = alive.member(0)
        assert old is not None
        assert new is not None
        assert new.ready
        assert new.metadata.uid != old.metadata.uid


def test_a_taken_namespace_is_refused_and_left_alone(api, kube):
    api.put("namespaces", "trial-1")
    before = api.version
    with (
        pytest.raises(CannotRun, match="exists already"),
        deployed(PROFILE, [SET], kube, "trial-1", Kept()),
    ):
        pass
    assert api.version == before


@pytest.mark.usefixtures("hurry")
def test_a_member_that_never_gets_ready_is_named_with_the_kubelets_words(api, kube):
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}
    status = {
        "phase": "Running",
        "conditions": [],
        "containerStatuses": [{"name": "main", "state": {"waiting": waiting}}],
    }
    api.put("pods", "web-0", "trial-1", status=READY)
    api.put("pods", "web-1", "trial-1", status=status, spec={"nodeName": "n1"})
    said = late(kube)
    assert said.seen == (
        "web-1 is Running on n1: container main: CrashLoopBackOff back-off 10s restarting"
    )
    assert said.wanted.startswith("every member of p Ready: workload is ready within")
    assert "kubectl -n trial-1 describe pods" in said.remedy


def warn(api, number: int, **fields) -> None:
    about = {"kind": "StatefulSet", "name": "web"}
    told = {"involvedObject": about, "type": "Warning", "reason": "FailedCreate"}
    api.put("events", f"e{number}", "trial-1", message=f"no {number}", **(told | fields))


@pytest.mark.usefixtures("hurry")
def test_a_pod_that_could_not_be_made_is_explained_by_the_last_warnings(api, kube):
    for number in range(5):
        warn(api, number, lastTimestamp=f"2026-01-01T00:00:0{9 - number}Z")
    warn(api, 5, lastTimestamp=None, eventTime="2026-01-01T00:00:20.5Z")
    warn(api, 6, type="Normal", lastTimestamp="2026-01-01T00:00:30Z")
    assert late(kube).seen.splitlines() == [
        "web-0 does not exist; web-1 does not exist",
        "StatefulSet web: FailedCreate: no 1",
        "StatefulSet web: FailedCreate: no 0",
        "StatefulSet web: FailedCreate: no 5",
    ]


@pytest.mark.usefixtures("hurry")
def test_events_that_cannot_be_read_do_not_hide_the_reason(api, kube, monkeypatch):
    get = type(kube).get

    def refused(self, path, **query):
        if path.endswith("/events"):
            api.refuse.append(503)
        return get(self, path, **query)

    monkeypatch.setattr(type(kube), "get", refused)
    assert late(kube).seen.splitlines() == [
        "web-0 does not exist; web-1 does not exist",
        "events could not be read: the server is in trouble",
    ]


def test_a_namespace_is_removed_with_all_in_it_and_waited_for(api, kube):
    api.lingering.add("namespaces")
    api.put("namespaces", "trial-1")
    api.put("pods", "web-0", "trial-1")
    with pytest.MonkeyPatch.context() as patch:
        marked = api.delete

        def later(*place: str) -> None:
            marked(*place)
            api.remove(*place)

        patch.setattr(api, "delete", later)
        removed(kube, "trial-1")
    assert api.of("namespaces") == api.of("pods") == {}


def test_a_namespace_that_is_not_there_is_removed_already(kube):
    removed(kube, "trial-1")


@pytest.mark.usefixtures("hurry")
def test_a_namespace_that_lingers_is_named(api, kube):
    api.lingering.add("namespaces")
    api.put("namespaces", "trial-1")
    with pytest.raises(NotReady, match="namespace is gone") as caught:
        removed(kube, "trial-1")
    assert caught.value.seen == "trial-1 is still there"


def test_a_namespace_is_closed_before_what_takes_long_in_it_is_deleted():
    asked: list[str] = []
    emptied(cast("Kube", SimpleNamespace(delete=asked.append)), "trial-a")
    assert asked[0] == "/api/v1/namespaces/trial-a", "else the controller makes its pods again"
    assert {path.rsplit("/", 1)[1] for path in asked[1:]} == {
        "statefulsets", "pods", "persistentvolumeclaims",
    }  # fmt: skip

"""A ConfigMap or Secret that goes and comes back as it was, and is written down nowhere else.

Played on the fake API server; children are killed with SIGKILL at every call in turn.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import history
from seatrial.errors import CannotRun
from seatrial.faults import FAULTS, broken, config_deleted, keepsakes
from seatrial.faults.journal import Journal, Step
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.testing import FakeApi, Kept, fake_api, revised
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proofs
from seatrial.testing.revised import Revised
from seatrial.testing.staging import staging
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
SECRET = "correct horse battery staple"  # noqa: S105 - the test's own
CODED = base64.b64encode(SECRET.encode()).decode()
LISTS = {"config-deleted": "configmaps", "secret-deleted": "secrets"}
META: dict[str, Any] = {
    "labels": {"app": "web"},
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data": "{CODED}"}}'},
}
TEMPLATE: dict[str, Any] = {
    "volumes": [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys"}},
    ],
    "containers": [],
}


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    monkeypatch.setitem(_SECONDS, "a missing configuration is watched", 0.1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        running.put("namespaces", "x")
        running.put("configmaps", "settings", "x", metadata=META, data={"rate": "7"})
        running.put("configmaps", "beside", "x", data={"rate": "8"})
        kind = {"type": "Opaque", "immutable": True}
        running.put("secrets", "keys", "x", metadata=META, data={"key": CODED}, **kind)
        yield running


@contextmanager
def staged(api: FakeApi, folder: Path, template: Any = TEMPLATE) -> Iterator[Scene]:
    spec = {"replicas": 2, "template": {"spec": template}}
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1", spec=spec)
    shown = staging(api, folder, "pods", "statefulsets", journal=Journal())
    with revised(Revised(api)), shown as scene:
        wait(scene.stream, lambda _: scene.unready(range(2)), SOON)
        yield scene


def there(api: FakeApi, plural: str) -> dict[str, Any]:
    """Give what is there of a kind, by name, without what only the server writes."""
    found = api.of(plural).items()
    return {key.removeprefix("x/"): keepsakes.content(one) for key, one in found}


@pytest.mark.parametrize("name", LISTS)
def test_what_configures_members_is_gone_and_comes_back_as_it_was(name, api, tmp_path):
    kept, plural = Kept(), LISTS[name]
    victim = {"configmaps": "settings", "secrets": "keys"}[plural]
    before = there(api, plural)
    old = api.of(plural)[f"x/{victim}"]["metadata"]["uid"]
    with staged(api, tmp_path) as scene:
        uids = [scene.pod(n).metadata.uid for n in range(2)]
        with broken(FAULTS[name], scene, 0, kept) as receipt:
            assert f"x/{victim}" not in api.of(plural)
            assert (receipt["missing"]["name"], receipt["missing"]["uid"]) == (victim, old)
            assert "404" in receipt["witness"]
            assert "uid" not in receipt
            (entry,), _ = Journal().read()
            assert [step.do for step in entry.undo] == ["give-back"]
        assert [scene.pod(n).metadata.uid for n in range(2)] == uids
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "healed"]
    healed = proofs(kept)["healed"]
    assert (healed["same"], healed["felt"]) == (True, False)
    assert healed["made"]["uid"] == api.of(plural)[f"x/{victim}"]["metadata"]["uid"] != old
    assert there(api, plural) == before
    assert Journal().read() == ([], {})


def written(name: str, api: FakeApi, folder: Path) -> bytes:
    """Give all that a fault has on disk while it lasts, and all Ops that it writes."""
    kept = Kept()
    with staged(api, folder) as scene, broken(FAULTS[name], scene, 0, kept):
        found = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert b"give-back" in found
    return found + b"".join(map(history.document, kept.ops))


@pytest.mark.parametrize("name", LISTS)
def test_what_is_in_it_is_written_down_nowhere(name, api, tmp_path):
    found = written(name, api, tmp_path)
    assert [word for word in (SECRET, CODED, '"7"', "last-applied") if word.encode() in found] == []


def test_a_plan_that_held_the_content_would_be_found_out(api, tmp_path, monkeypatch):
    """The planted defect: undo from the journal, as a set is made again."""

    def planned(scene: Scene, plural: str) -> tuple[Step, ...]:
        path = f"/api/v1/namespaces/x/{plural}"
        return (Step("give-back", path=path, value=scene.kube.get(f"{path}/keys")),)

    monkeypatch.setattr(config_deleted, "_undo", planned)
    assert CODED.encode() in written("secret-deleted", api, tmp_path)


def test_a_watch_of_secrets_holds_nothing_of_what_is_in_them(api, tmp_path):
    kube, kept = connect(api.kubeconfig(tmp_path / "kubeconfig")), Kept()
    with Stream(kube, ("secrets", "configmaps"), "x", kept) as stream:
        assert CODED not in repr(stream.items("secrets"))
    assert {op.what for op in kept.ops} >= {"secret", "configmap"}
    assert CODED.encode() not in b"".join(map(history.document, kept.ops))


@pytest.mark.parametrize("name", LISTS)
def test_what_fails_meanwhile_is_undone_and_raised(name, api, tmp_path):
    kept, before = Kept(), there(api, LISTS[name])
    with staged(api, tmp_path) as scene:
        with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, kept):
            raise ZeroDivisionError
        assert there(api, LISTS[name]) == before
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert Journal().read() == ([], {})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("template", [{"containers": []}, {"volumes": None, "containers": None}])
def test_a_set_that_names_none_is_refused_before_anything_is_done(name, template, api, tmp_path):
    kept, before = Kept(), there(api, LISTS[name])
    with (
        staged(api, tmp_path, template) as scene,
        pytest.raises(CannotRun, match="it names none"),
        broken(FAULTS[name], scene, 0, kept),
    ):
        pytest.fail("nothing to break")
    assert [*proofs(kept)] == ["planned", "stopped"]
    assert there(api, LISTS[name]) == before


def refused(api: FakeApi, folder: Path, name: str = "config-deleted") -> str:
    """Give why it was refused; nothing may have changed."""
    kept, before = Kept(), there(api, LISTS[name])
    with (
        staged(api, folder) as scene,
        pytest.raises(CannotRun) as caught,
        broken(FAULTS[name], scene, 0, kept),
    ):
        pytest.fail("it must not be broken")
    assert "receipt" not in proofs(kept)
    assert there(api, LISTS[name]) == before
    assert Journal().read() == ([], {})
    return caught.value.seen


def test_one_that_is_named_and_not_there_is_no_target(api, tmp_path):
    api.remove("configmaps", "settings", "x")
    assert "it names settings, and none of them is there" in refused(api, tmp_path)


def test_one_that_a_finalizer_holds_is_left_alone(api, tmp_path):
    api.put("configmaps", "settings", "x", metadata={"finalizers": ["theirs/lock"]})
    assert "held by theirs/lock" in refused(api, tmp_path)


def test_a_token_that_a_controller_writes_is_no_target(api, tmp_path):
    api.put("secrets", "keys", "x", type="kubernetes.io/service-account-token")
    assert "none of them is there" in refused(api, tmp_path, "secret-deleted")


def test_one_that_somebody_makes_again_at_once_gives_no_receipt(api, tmp_path, monkeypatch):
    real = Kube.delete

    def delete(kube: Kube, path: str, **more: Any) -> None:
        real(kube, path, **more)
        if path.endswith("/settings"):
            api.put("configmaps", "settings", "x", metadata=META, data={"rate": "7"})

    monkeypatch.setattr(Kube, "delete", delete)
    assert "somebody made it again" in refused(api, tmp_path)


def test_one_that_somebody_made_again_meanwhile_stays_theirs_and_is_told(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene, broken(FAULTS["config-deleted"], scene, 0, kept):
        api.put("configmaps", "settings", "x", data={"rate": "9"})
    assert proofs(kept)["healed"]["same"] is False
    assert there(api, "configmaps")["settings"]["data"] == {"rate": "9"}
    assert [*there(api, "configmaps")] == ["beside", "settings"]


def test_a_member_that_is_replaced_meanwhile_is_told(api, tmp_path, monkeypatch):
    monkeypatch.setitem(_SECONDS, "a missing configuration is watched", 20.0)
    kept = Kept()
    with staged(api, tmp_path) as scene, broken(FAULTS["config-deleted"], scene, 0, kept):
        api.remove("pods", "web-1", "x")
    assert proofs(kept)["healed"]["felt"] is True


def test_of_a_namespace_that_is_gone_nothing_is_given_back(api, tmp_path):
    with staged(api, tmp_path) as scene:
        keepsakes.kept(scene.kube, "/api/v1/namespaces/x/secrets/keys")
        api.put("namespaces", "x", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
        assert keepsakes.given_back(scene.kube, "/api/v1/namespaces/x/secrets") == ""
        assert keepsakes.given_back(scene.kube, "/api/v1/namespaces/y/secrets") == ""


def test_a_copy_that_is_there_already_is_not_written_over(api, tmp_path):
    with staged(api, tmp_path) as scene:
        path = "/api/v1/namespaces/x/configmaps/settings"
        keepsakes.kept(scene.kube, path)
        with pytest.raises(CannotRun, match="there already"):
            keepsakes.kept(scene.kube, path)


@given(
    names=st.lists(st.sampled_from(["a", "b", "c", "kube-root-ca.crt", ""]), max_size=6),
    ways=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    plural=st.sampled_from(["configmaps", "secrets"]),
)
def test_every_way_to_name_one_is_found_once_and_no_other(names, ways, plural):
    short = {"configmaps": "configMap", "secrets": "secret"}[plural]
    template: dict[str, Any] = {"volumes": [], "containers": [], "initContainers": []}
    for name, way in zip(names, ways, strict=False):
        _name(template, name, way, short)
    assert config_deleted.named(template, plural) == tuple(
        sorted({*names} - {"", "kube-root-ca.crt"})
    )
    other = ({"configmaps", "secrets"} - {plural}).pop()
    assert config_deleted.named(template, other) == ()


def _name(template: dict[str, Any], name: str, way: int, short: str) -> None:
    key = "secretName" if short == "secret" else "name"
    one = {"name": "V", "valueFrom": {f"{short}KeyRef": {"name": name, "key": "k"}}}
    whole = {"name": "c", "envFrom": [{f"{short}Ref": {"name": name}}]}
    place, what = (
        ("volumes", {"name": "v", short: {key: name}}),
        ("volumes", {"name": "v", "projected": {"sources": [{short: {"name": name}}]}}),
        ("containers", {"name": "c", "env": [one, {"name": "W", "value": "w"}]}),
        ("containers", whole),
        ("initContainers", whole),
    )[way]
    template[place].append(what)


def killed(name: str, api: FakeApi, folder: Path, at: int, *, after: bool) -> bool:
    """Break and heal in a child that SIGKILL ends at its call number `at`; False if it lived."""

    def breaks() -> None:
        with (
            staging(api, folder, "pods", "statefulsets", journal=Journal()) as scene,
            broken(FAULTS[name], scene, 0, Kept()),
        ):
            pass

    return killed_at(at, breaks, after=after)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_is_killed_at_any_call_is_healed_by_the_journal_and_twice_does_nothing(
    after, name, api, tmp_path
):
    before = there(api, LISTS[name])
    with staged(api, tmp_path) as scene:
        for at in range(1, 100):
            if not killed(name, api, tmp_path, at, after=after):
                break
            (entry,), _ = Journal().read()
            undone(entry, Reach(kube=scene.kube))
            assert there(api, LISTS[name]) == before
            assert undone(entry, Reach(kube=scene.kube)) == []
            Journal().close(entry)
    assert at == 5
    assert Journal().read() == ([], {})

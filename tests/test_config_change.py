"""What members are given is changed on the fake API server: proved, put back, also by others."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial import history, profiles
from seatrial.checks import CHECKS
from seatrial.cli.trial import demand_declared
from seatrial.errors import BadInput, BadProfile, CannotRun, NotReady, ToolFailed
from seatrial.faults import FAULTS, broken, keepsakes
from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.given import Given, Setting, digest
from seatrial.kube.client import Kube
from seatrial.plan import planned
from seatrial.testing import FakeApi, Kept, fake_api, revised
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proof, stages
from seatrial.testing.revised import Revised
from seatrial.testing.staging import staging
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
FAULT = FAULTS["config-change"]
WATCHED = "a changed configuration is watched"
OLD, NEW = "correct horse", "battery staple"
SETTINGS = {
    "file": Setting("configmap/settings", "rate", "8"),
    "level": Setting("configmap/settings", "level", "debug", "restart"),
    "key": Setting("secret/keys", "key", NEW),
    "site": Setting("configmap/sealed", "site", "south", "never"),
}
GIVEN = Given(("taken",), SETTINGS)


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Mounted:
    """Members that are given what there is; `frozen` names what nobody is ever given."""

    def __init__(self) -> None:
        self.frozen: set[str] = set()
        self.told: list[tuple[str, ...]] = []
        self.lock = threading.Lock()

    def run(self, kube: Kube, space: str, pod: str, box: str, argv: Sequence[str], _: Limit) -> str:
        assert (space, box, argv[0]) == ("x", "web", "taken")
        name, wanted = argv[1], argv[2]
        with self.lock:
            self.told.append((pod, *argv))
        one = SETTINGS[name]
        kind, found = one.of.split("/")
        data = kube.get(f"/api/v1/namespaces/x/{kind}s/{found}")["data"][one.key]
        text = base64.b64decode(data).decode() if kind == "secret" else data
        if name in self.frozen or digest(text) != wanted:
            raise ToolFailed("taken", seen="it gave up")
        return wanted


@pytest.fixture(autouse=True)
def mounted(monkeypatch, tmp_path) -> Mounted:
    monkeypatch.setitem(_SECONDS, WATCHED, 0.2)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = Mounted()
    tells = lambda kube, *rest: found.run(kube, *rest)  # noqa: E731, PLW0108 - a method is bound
    monkeypatch.setattr(Kube, "run", tells)
    return found


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        running.put("namespaces", "x")
        running.put("configmaps", "settings", "x", data={"rate": "7", "level": "info", "more": "m"})
        running.put("configmaps", "sealed", "x", data={"site": "north"}, immutable=True)
        running.put("secrets", "keys", "x", data={"key": coded(OLD)}, type="Opaque")
        yield running


@contextmanager
def staged(api: FakeApi, folder: Path, given: Given | None = GIVEN) -> Iterator[Scene]:
    spec = {"replicas": 2, "template": {"spec": {"containers": []}}}
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1", spec=spec)
    shown = staging(
        api, folder, "pods", "statefulsets", journal=Journal(), container="web", given=given
    )
    with revised(Revised(api)), shown as scene:
        wait(scene.stream, lambda _: scene.unready(range(2)), SOON)
        yield scene


def there(api: FakeApi) -> dict[str, Any]:
    return {
        f"{plural}/{key}": keepsakes.content(one)
        for plural in keepsakes.KINDS
        for key, one in api.of(plural).items()
    }


def held(api: FakeApi) -> Mapping[str, str]:
    return {**api.of("configmaps")["x/settings"]["data"], **api.of("secrets")["x/keys"]["data"]}


def test_everything_is_changed_refused_or_given_and_put_back(api, tmp_path, mounted):
    kept, before = Kept(), there(api)
    with staged(api, tmp_path) as scene:
        uids = [scene.pod(n).metadata.uid for n in range(2)]
        with broken(FAULT, scene, 0, kept) as receipt:
            assert held(api) == {"rate": "8", "level": "debug", "more": "m", "key": coded(NEW)}
            assert there(api)["configmaps/x/sealed"] == before["configmaps/x/sealed"]
            (entry,), _ = Journal().read()
            assert [step.do for step in entry.undo] == ["give-back", "give-back"]
        assert [scene.pod(n).metadata.uid for n in range(2)] == uids
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    changed = {"immutable": False, "changed": True}
    assert receipt["objects"]["configmap/settings"] == receipt["objects"]["secret/keys"] == changed
    refused = receipt["objects"]["configmap/sealed"]
    assert (refused["changed"], refused["immutable"], refused["code"]) == (False, True, 422)
    assert "field is immutable" in refused["said"]
    assert {n: [*told] for n, told in receipt["reached"].items()} == {
        "0": ["file", "key"], "1": ["file", "key"],
    }  # fmt: skip
    assert all("seconds" in one for told in receipt["reached"].values() for one in told.values())
    assert "uid" not in receipt
    healed = proof(kept, "healed")
    assert {*healed["same"].values()} == {True}
    assert there(api) == before
    assert ("web-1", "taken", "file", digest("7"), "0.2") in mounted.told
    assert Journal().read() == ([], {})


def test_what_nobody_is_given_is_told_with_how_long_it_was_watched(api, tmp_path, mounted):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        mounted.frozen = {"file"}
        with broken(FAULT, scene, 0, kept) as receipt:
            told = receipt["reached"]["1"]
            assert told["file"]["said"] == "it gave up"
            assert told["file"]["watched"] <= receipt["watched"]
            assert "seconds" in told["key"]
            mounted.frozen = set()
    assert stages(kept)[-1] == "healed"


def test_what_is_not_given_back_in_time_is_not_healed(api, tmp_path, mounted):
    kept, before = Kept(), there(api)
    with (
        staged(api, tmp_path) as scene,
        pytest.raises(NotReady, match="web-0 has not the file that it had: it gave up"),
        broken(FAULT, scene, 0, kept),
    ):
        mounted.frozen = {"file"}
    assert stages(kept)[-1] == "stopped"
    assert there(api) == before


def test_what_is_called_immutable_and_is_not_takes_the_change_and_gets_it_back(api, tmp_path):
    api.put("configmaps", "sealed", "x", immutable=None)
    kept, before = Kept(), there(api)
    with staged(api, tmp_path) as scene, broken(FAULT, scene, 0, kept) as receipt:
        assert receipt["objects"]["configmap/sealed"] == {"immutable": False, "changed": True}
        assert api.of("configmaps")["x/sealed"]["data"] == {"site": "south"}
    assert there(api) == before


def test_a_secret_is_written_down_nowhere(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene, broken(FAULT, scene, 0, kept):
        found = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"give-back" in found
    found += b"".join(map(history.document, kept.ops))
    told = [word for word in (OLD, coded(OLD), coded(NEW)) if word.encode() in found]
    assert told == []
    assert hashlib.sha256(OLD.encode()).hexdigest().encode() not in found


def test_where_nothing_tells_that_a_change_had_its_time_it_is_watched_for_all_of_it(api, tmp_path):
    alone = Given(("taken",), {"level": SETTINGS["level"]})
    with (
        staged(api, tmp_path, alone) as scene,
        broken(FAULT, scene, 0, Kept()) as receipt,
    ):
        assert receipt["reached"] == {}
        assert receipt["watched"] >= 0.2


def refused(api: FakeApi, folder: Path, given: Given | None) -> str:
    kept, before = Kept(), there(api)
    with (
        staged(api, folder, given) as scene,
        pytest.raises(CannotRun) as caught,
        broken(FAULT, scene, 0, kept),
    ):
        pytest.fail("it must not have a receipt")
    assert there(api) == before
    assert Journal().read() == ([], {})
    return str(caught.value)


def test_a_profile_that_declares_no_settings_is_refused(api, tmp_path):
    assert "the profile declares none" in refused(api, tmp_path, None)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (Setting("configmap/absent", "rate", "8"), "there is no such key"),
        (Setting("configmap/settings", "absent", "8"), "there is no such key"),
        (Setting("configmap/settings", "rate", " 7\n"), "it holds just that"),
    ],
)
def test_what_is_not_there_or_would_not_change_is_refused(setting, said, api, tmp_path):
    assert said in refused(api, tmp_path, Given(("taken",), {"file": setting}))


def test_an_answer_that_is_neither_a_change_nor_a_refusal_is_no_receipt(api, tmp_path, monkeypatch):
    """The planted defect: a server that says yes and does nothing."""
    real = Kube.patch

    def patch(kube: Kube, path: str, body: Mapping[str, Any]) -> None:
        real(kube, path, {} if body.get("data", {}).get("rate") == "8" else body)

    monkeypatch.setattr(Kube, "patch", patch)
    assert "it is neither" in refused(api, tmp_path, GIVEN)


def test_what_fails_meanwhile_is_undone_and_raised(api, tmp_path):
    kept, before = Kept(), there(api)
    with staged(api, tmp_path) as scene:
        with pytest.raises(ZeroDivisionError), broken(FAULT, scene, 0, kept):
            raise ZeroDivisionError
        assert there(api) == before
    assert stages(kept)[-1] == "stopped"


def test_who_deleted_it_meanwhile_gets_nothing_put_back(api, tmp_path):
    with staged(api, tmp_path) as scene:
        path = "/api/v1/namespaces/x/configmaps"
        keepsakes.kept_to_change(scene.kube, f"{path}/settings")
        scene.kube.delete(f"{path}/settings")
        assert keepsakes.given_back(scene.kube, path) == ""
        assert [*api.of("configmaps")] == ["x/sealed"]


def killed(api: FakeApi, folder: Path, at: int, *, after: bool) -> bool:
    """Change and put back in a child that SIGKILL ends at its call number `at`."""

    def breaks() -> None:
        shown = staging(
            api, folder, "pods", "statefulsets", journal=Journal(), container="web", given=GIVEN
        )
        with shown as scene, broken(FAULT, scene, 0, Kept()):
            pass

    return killed_at(at, breaks, after=after)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_is_killed_at_any_call_is_healed_by_the_journal_and_twice_does_nothing(
    after, api, tmp_path
):
    before = there(api)
    with staged(api, tmp_path) as scene:
        for at in range(1, 100):
            if not killed(api, tmp_path, at, after=after):
                break
            (entry,), _ = Journal().read()
            undone(entry, Reach(kube=scene.kube))
            assert there(api) == before
            assert undone(entry, Reach(kube=scene.kube)) == []
            Journal().close(entry)
    assert at > 10
    assert there(api) == before


def test_it_is_planned_once_for_the_whole_set_and_only_for_who_declares_settings():
    profile = profiles.load("config", known=CHECKS)
    made = planned(
        profile, [], seed=1, shape="s", timing="fast", kubernetes="1.34", command="c",
        faults=["config-change"],
    )  # fmt: skip
    assert [(each.fault, each.ordinals) for each in made.faults] == [("config-change", (0,))]
    demand_declared(profile, ["config-change"])
    with pytest.raises(BadInput, match="ledger declares no `given`"):
        demand_declared(profiles.load("ledger", known=CHECKS), ["config-change"])


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("claims: [config.propagates]", "`given` is missing, which says what is changed"),
        ("{of: settings, key: k, to: v}", "given.settings.file.of"),
        ("{of: configmap/settings, key: k, to: v, changes: soon}", "given.settings.file.changes"),
        (
            (
                "{of: configmap/s, key: k, to: v, changes: never}\n"
                "    level: {of: configmap/s, key: l, to: v}"
            ),
            "configmap/s is immutable as a whole",
        ),
    ],
)
def test_a_profile_whose_settings_cannot_be_changed_is_told_so(said, wrong, tmp_path):
    head = f"extends: {profiles.load('ledger', known=CHECKS).folder}\nname: x\nsentence: s\n"
    given = f"given:\n  taken: [t]\n  settings:\n    file: {said}\n"
    (tmp_path / "profile.yaml").write_text(head + (said if "claims" in said else given))
    with pytest.raises(BadProfile) as caught:
        profiles.load(str(tmp_path), known=CHECKS)
    assert wrong in caught.value.seen


def test_a_look_at_all_namespaces_puts_back_what_a_journal_that_is_lost_knew(api, tmp_path):
    before = there(api)
    with staged(api, tmp_path) as scene:
        path = "/api/v1/namespaces/x/configmaps/settings"
        keepsakes.kept_to_change(scene.kube, path)
        scene.kube.patch(path, {"data": {"rate": "8"}})
        said = keepsakes.given_back(scene.kube, "/api/v1/configmaps")
        assert said == "ConfigMap settings was changed and is as before"
        assert there(api) == before
        assert keepsakes.given_back(scene.kube, "/api/v1/configmaps") == ""
